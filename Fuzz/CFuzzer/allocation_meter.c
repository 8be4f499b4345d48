#include "CFuzzer.h"

#include <stdatomic.h>
#include <stdbool.h>

// From sanitizer/allocator_interface.h, which is not on every compiler's search path.
int __sanitizer_install_malloc_and_free_hooks(void (*malloc_hook)(const volatile void *, size_t),
                                              void (*free_hook)(const volatile void *));
size_t __sanitizer_get_allocated_size(const volatile void *p);

static atomic_bool counting;
static _Atomic int64_t held;
static _Atomic int64_t most;

static void on_malloc(const volatile void *pointer, size_t size) {
    (void)pointer;
    if (!atomic_load_explicit(&counting, memory_order_relaxed)) return;
    int64_t now = atomic_fetch_add(&held, (int64_t)size) + (int64_t)size;
    if (now > atomic_load(&most)) atomic_store(&most, now);
}

static void on_free(const volatile void *pointer) {
    if (!pointer || !atomic_load_explicit(&counting, memory_order_relaxed)) return;
    atomic_fetch_sub(&held, (int64_t)__sanitizer_get_allocated_size(pointer));
}

void allocation_meter_start(void) {
    static bool installed;
    if (!installed) {
        installed = true;
        __sanitizer_install_malloc_and_free_hooks(on_malloc, on_free);
    }
    atomic_store(&held, 0);
    atomic_store(&most, 0);
    atomic_store(&counting, true);
}

int64_t allocation_meter_stop(void) {
    atomic_store(&counting, false);
    return atomic_load(&most);
}
