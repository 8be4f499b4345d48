// Element types and weight files are part of what this module offers.
@_exported import WeightFiles
