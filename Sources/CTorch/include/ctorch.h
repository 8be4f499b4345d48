// A thin C layer over libtorch: tensors, one generic operator call, autograd, random state.
//
// Conventions
//   * Handles are opaque and owned: the caller releases what a function returns or writes out. Handles passed in are
//   borrowed.
//   * A function that can fail returns a ct_error: NULL for success, otherwise a message without a C++ backtrace, to be
//   freed with ct_error_free. No C++ exception leaves this layer.
//   * Reading a tensor's properties cannot fail: tensors that lack them (nested ones) are rejected on entry.
//   * Lists are a pointer and a count.

#ifndef CTORCH_H
#define CTORCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ct_tensor_impl *ct_tensor;
typedef struct ct_operator_impl *ct_operator;
typedef struct ct_generator_impl *ct_generator;
typedef struct ct_upload_impl *ct_upload;
typedef char *ct_error;
typedef struct ct_store_impl *ct_store;
typedef struct ct_group_impl *ct_group;
typedef struct ct_work_impl *ct_work;

void ct_error_free(ct_error error);

// An error with a message of `count` bytes, for callbacks; never NULL.
ct_error ct_error_make(const char *text, size_t count);

// MARK: - Values

// The arguments and results of operators. Element types, layouts and memory formats are passed as integers (see below),
// an optional tensor is a tensor or nothing, a scalar is an integer, a real or a Boolean.
typedef enum ct_tag {
    CT_NONE,
    CT_TENSOR,
    CT_TENSORS,
    CT_OPTIONAL_TENSORS, // entries may be NULL
    CT_INTEGER,
    CT_INTEGERS,
    CT_REAL,
    CT_REALS,
    CT_BOOL,
    CT_BOOLS,
    CT_STRING,
    CT_DEVICE,
    CT_GENERATOR,
} ct_tag;

typedef struct ct_device {
    int32_t type; // c10::DeviceType: 0 cpu, 1 cuda, 13 mps, 14 meta, 20 a backend that is registered; -1: none of these
    int32_t index; // -1: the current one
} ct_device;

typedef struct ct_value {
    ct_tag tag;
    int64_t count; // of lists and strings
    union {
        ct_tensor tensor;
        const ct_tensor *tensors;
        int64_t integer;
        const int64_t *integers;
        double real;
        const double *reals;
        bool boolean;
        const bool *booleans;
        const char *string; // need not be null-terminated
        ct_device device;
        ct_generator generator;
    };
} ct_value;

// Frees what a result value owns: a tensor, a list and its tensors, a string, a generator.
void ct_value_release(ct_value *value);

// MARK: - Operators

// Looks up an operator by its full name ("aten::add") and overload ("Tensor"; "" for none). Handles live as long as the
// process and need no release.
ct_error ct_operator_find(const char *name, const char *overload, ct_operator *found);

// The operator's schema as text, to be freed with ct_error_free.
char *ct_operator_schema(ct_operator op);

// Calls an operator. Arguments are positional; omitted trailing ones take the schema's defaults. `results` has room for
// `capacity` values; `result_count` receives the number written.
ct_error ct_operator_call(ct_operator op, const ct_value *arguments, size_t argument_count, ct_value *results,
                          size_t capacity, size_t *result_count);

// MARK: - Tensors

// The values of c10::ScalarType.
typedef enum ct_dtype {
    CT_UINT8 = 0,
    CT_INT8 = 1,
    CT_INT16 = 2,
    CT_INT32 = 3,
    CT_INT64 = 4,
    CT_FLOAT16 = 5,
    CT_FLOAT32 = 6,
    CT_FLOAT64 = 7,
    CT_BOOLEAN = 11,
    CT_BFLOAT16 = 15,
} ct_dtype;

typedef enum ct_memory_format {
    CT_CONTIGUOUS = 0,
    CT_PRESERVE = 1,
    CT_CHANNELS_LAST = 2,
} ct_memory_format;

typedef void (*ct_release)(void *context);

// A tensor backed by memory that the caller keeps alive until `release(context)` is called (from any thread, once, also
// if this call fails). Strides are in elements.
ct_error ct_tensor_wrap(void *memory, ct_dtype dtype, const int64_t *shape, const int64_t *strides, size_t rank,
                        ct_release release, void *context, ct_tensor *result);

void ct_tensor_retain(ct_tensor tensor);
void ct_tensor_release(ct_tensor tensor);

size_t ct_tensor_rank(ct_tensor tensor);
int64_t ct_tensor_count(ct_tensor tensor);
// Both need room for `rank` numbers.
void ct_tensor_shape(ct_tensor tensor, int64_t *shape);
ct_error ct_tensor_strides(ct_tensor tensor, int64_t *strides);
int32_t ct_tensor_dtype(ct_tensor tensor);
ct_device ct_tensor_device(ct_tensor tensor);
bool ct_tensor_is_contiguous(ct_tensor tensor, ct_memory_format format);
// The first element in memory; only meaningful for dense tensors in main memory.
ct_error ct_tensor_data(ct_tensor tensor, void **data);
uint64_t ct_tensor_storage_identity(ct_tensor tensor);

// MARK: - Autograd

bool ct_tensor_requires_grad(ct_tensor tensor);
ct_error ct_tensor_set_requires_grad(ct_tensor tensor, bool requires_grad);
// NULL if there is none.
ct_tensor ct_tensor_grad(ct_tensor tensor);
ct_error ct_tensor_set_grad(ct_tensor tensor, ct_tensor grad);

// Accumulates gradients into the leaves (or only into `inputs`, if there are any). `seeds` and its entries may be NULL,
// which stands for one, for a scalar.
ct_error ct_backward(const ct_tensor *tensors, const ct_tensor *seeds, size_t count, const ct_tensor *inputs,
                     size_t input_count, bool retain_graph, bool create_graph);
// Gradients of `tensors` with respect to `inputs`; NULL where there is no path.
ct_error ct_gradients(const ct_tensor *tensors, const ct_tensor *seeds, size_t count, const ct_tensor *inputs,
                      size_t input_count, bool retain_graph, bool create_graph, ct_tensor *gradients);

bool ct_grad_mode(void);
void ct_set_grad_mode(bool enabled);

// The backward pass of an operator written outside libtorch: takes the gradients of its outputs (NULL: zero), writes an
// owned gradient or NULL for each input. An error is created by ct_error_make. May be called from several threads at
// once.
typedef ct_error (*ct_backward_callback)(void *context, const ct_tensor *output_gradients, size_t output_count,
                                         ct_tensor *input_gradients, size_t input_count);

// Records that `outputs` were computed from `inputs` and that `backward` computes the gradients. `release(context)` is
// called once: when the graph is freed and no pass over it is running, or when nothing is recorded because no input
// needs a gradient.
ct_error ct_record_function(const char *name, const ct_tensor *inputs, size_t input_count, const ct_tensor *outputs,
                            size_t output_count, ct_backward_callback backward, ct_release release, void *context);

// MARK: - Autocast

// False also for devices without autocast.
bool ct_autocast_enabled(int32_t device_type);
ct_error ct_set_autocast_enabled(int32_t device_type, bool enabled);
ct_error ct_autocast_dtype(int32_t device_type, int32_t *dtype);
ct_error ct_set_autocast_dtype(int32_t device_type, int32_t dtype);
// Nesting keeps the cache of cast weights until the outermost scope ends.
void ct_autocast_enter(void);
void ct_autocast_leave(void);

// MARK: - Random numbers

ct_error ct_generator_create(uint64_t seed, ct_generator *result);
// The generator that operators use by default.
ct_error ct_generator_default(ct_device device, ct_generator *result);
void ct_generator_retain(ct_generator generator);
void ct_generator_release(ct_generator generator);
ct_error ct_generator_seed(ct_generator generator, uint64_t seed);
ct_error ct_generator_state(ct_generator generator, ct_tensor *state);
ct_error ct_generator_set_state(ct_generator generator, ct_tensor state);

// MARK: - Runtime

const char *ct_version(void);
// Freed with ct_error_free.
char *ct_cpu_capability(void);
int32_t ct_thread_count(void);
ct_error ct_set_thread_count(int32_t count);
void ct_set_deterministic(bool deterministic);
bool ct_deterministic(void);
// Whether products and convolutions of float32 may be computed on GPUs with ten bits of mantissa.
void ct_set_tensor_float(bool allowed);
bool ct_tensor_float(void);
// Whether cuDNN tries its algorithms for every new shape.
void ct_set_benchmark(bool benchmark);
bool ct_benchmark(void);

// The number of bytes of main memory to keep when large tensors are freed, for reuse. None are kept before the first
// call, which replaces the process's tensor allocator.
ct_error ct_set_kept_memory(int64_t limit);

// Gives what is kept back to the system; memory that is freed afterwards is kept as before.
ct_error ct_release_kept_memory(void);

// MARK: - Devices

// Whether libtorch has code for a kind of device, and how many of the kind there are.
bool ct_device_is_built(int32_t device_type);
int32_t ct_device_count(int32_t device_type);
// Waits until everything is done that was begun on the device.
ct_error ct_device_synchronize(ct_device device);
// Bytes of tensors, and the most there were; false where they are not counted.
bool ct_device_memory(ct_device device, int64_t *held, int64_t *peak);
ct_error ct_device_reset_peak(ct_device device);
// Returns memory that no tensor uses to the system.
ct_error ct_device_empty_cache(ct_device device);

// Begins to copy a tensor from main memory to a device that has streams, on a stream of its own: beside what is computed
// there if the memory is pinned. The caller releases the upload.
ct_error ct_upload_begin(ct_tensor tensor, ct_device device, ct_upload *result);
// The copy. What the calling thread begins on the device from now on waits there for its end; the thread does not.
ct_error ct_upload_await(ct_upload upload, ct_tensor *result);
void ct_upload_release(ct_upload upload);

// Splits [begin, end) over libtorch's threads; calls from inside a call run on the calling thread.
ct_error ct_parallel_for(int64_t begin, int64_t end, int64_t grain,
                         void (*body)(void *context, int64_t begin, int64_t end), void *context);

// MARK: - Several processes

// Connects with the store at a host and port, where processes meet; one of them serves it. Safe to use from several threads.
ct_error ct_store_create(const char *host, uint16_t port, bool is_server, double seconds, ct_store *result);
void ct_store_release(ct_store store);
ct_error ct_store_set(ct_store store, const char *key, const char *value);
// NULL for a key that is not there. The value is freed with ct_error_free.
ct_error ct_store_get(ct_store store, const char *key, char **value);

// Connects all processes with each other. `host` and `port` are the store's, and say which interface is used, unless
// GLOO_SOCKET_IFNAME does. `seconds` is the time limit of every work.
ct_error ct_group_create(ct_store store, const char *name, const char *host, uint16_t port, int32_t rank, int32_t size,
                         double seconds, ct_group *result);
void ct_group_release(ct_group group);

// Works run on other threads; their tensors must not be used until they are waited for. Operations: 0 sum, 1 maximum, 2
// minimum.
ct_error ct_group_all_reduce(ct_group group, ct_tensor tensor, int32_t operation, ct_work *result);
ct_error ct_group_broadcast(ct_group group, ct_tensor tensor, int32_t root, ct_work *result);
ct_error ct_group_all_gather(ct_group group, ct_tensor tensor, const ct_tensor *outputs, size_t count,
                             ct_work *result);
ct_error ct_group_barrier(ct_group group, ct_work *result);
ct_error ct_work_wait(ct_work work);
void ct_work_release(ct_work work);

#ifdef __cplusplus
}
#endif

#endif
