// Tensors are part of what this module offers.
@_exported import Torch
