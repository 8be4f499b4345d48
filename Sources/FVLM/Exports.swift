// Pictures, boxes, tensors and vocabularies are part of this module's interface.
@_exported import struct Support.ConfigurationError
@_exported import protocol Support.ReportedError
@_exported import CLIP
@_exported import Imaging
@_exported import RegionDetection

// Detection and training measure their stages for a profile.
@_exported import class Support.StageProfile
