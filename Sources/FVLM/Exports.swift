// Pictures, boxes, tensors and vocabularies are part of what this module offers.
@_exported import struct Support.ConfigurationError
@_exported import protocol Support.ReportedError
@_exported import CLIP
@_exported import Imaging
@_exported import RegionDetection

// Detection and training measure themselves for a profile.
@_exported import class Support.StageProfile
