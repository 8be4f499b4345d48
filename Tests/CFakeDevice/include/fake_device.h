// A device that is not there, for tests: libtorch's `PrivateUse1` with memory that the program cannot read.
//
// Linking it registers the backend. Operators run on the processor, under CUDA's rules: tensors of two devices do not meet,
// generators belong to their device, a stream does not use what another one makes before it has waited for that, and every
// look at a number waits for the device and is counted.

#ifndef FAKE_DEVICE_H
#define FAKE_DEVICE_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct fake_device_counts {
    int64_t operators;        // that were run
    int64_t copies_to_host;   // of tensors and of single numbers
    int64_t copies_to_device; // of tensors
    int64_t waits;            // whatever makes a program wait for a GPU: copies to the host, blocking copies to the device,
                              // operators whose results have a size that only the device knows
    int64_t pinned_copies;    // to the device, from pinned memory
    int64_t side_copies;      // to the device, on another stream than the default one
    int64_t list_operators;   // that take whole lists of tensors: aten::_foreach_ and aten::_fused_
    int64_t early_releases;   // of memory that another stream uses and was not recorded for
} fake_device_counts;

// Registers what linking alone does not; to be called before the device is used.
void fake_device_prepare(void);

// Whether tensors of float64 are refused, as on Apple's GPUs.
void fake_device_refuse_doubles(bool refuses);

// The stream of what this thread begins from now on; 0 is the default one.
void fake_device_set_stream(int64_t stream);

// What was counted in the whole process since the last reset.
fake_device_counts fake_device_count(void);
void fake_device_reset(void);

// The names of the operators that made the program wait since the last reset, a line each; to be freed.
char *fake_device_waits(void);

#ifdef __cplusplus
}
#endif

#endif
