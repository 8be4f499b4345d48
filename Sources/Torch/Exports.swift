// Element types and weight files are part of this module's interface.
@_exported import WeightFiles
