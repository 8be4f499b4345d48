// libtorch's wheel has no headers of Gloo, which its ProcessGroupGloo.hpp includes. It holds what is Gloo's by pointers
// only, so that these declarations are enough; everything is in libtorch.
#pragma once
