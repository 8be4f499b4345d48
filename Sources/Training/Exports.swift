import FVLM
