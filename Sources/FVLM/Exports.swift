// Pictures, boxes, tiles, tensors and vocabularies are part of this module's interface.
@_exported import struct Support.ConfigurationError
@_exported import protocol Support.ReportedError
@_exported import CLIP
@_exported import Imaging
@_exported import RegionDetection
@_exported import Tiling

// Detection and training measure their stages for a profile.
@_exported import class Support.StageProfile
