// What the fuzzing executable needs from the compiler's run-time libraries.
#ifndef CFUZZER_H
#define CFUZZER_H

#include <stddef.h>
#include <stdint.h>

// libFuzzer's main loop (https://llvm.org/docs/LibFuzzer.html, "Using libFuzzer as a library").
int LLVMFuzzerRunDriver(int *argc, char ***argv, int (*callback)(const uint8_t *data, size_t size));

// Starts counting the bytes of memory that are allocated and freed.
void allocation_meter_start(void);

// Stops, and returns the largest number of bytes held at once since the start.
int64_t allocation_meter_stop(void);

#endif
