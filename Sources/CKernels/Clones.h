#ifndef CKERNELS_CLONES_H
#define CKERNELS_CLONES_H

// Compiles a function several times and lets the loader choose the version for this processor. Elsewhere the compiler's
// default target is good enough (arm64 always has vectors) or the loader lacks support (macOS).
#if defined(__x86_64__) && defined(__linux__) && defined(__has_attribute)
#if __has_attribute(target_clones)
#define CK_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#endif
#endif
#ifndef CK_CLONES
#define CK_CLONES
#endif

// A clone can only inline functions without a target attribute of their own.
#define CK_INLINE static inline __attribute__((always_inline))

#endif
