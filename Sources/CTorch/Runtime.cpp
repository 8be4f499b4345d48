#include "Bridge.hpp"

#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <torch/headeronly/version.h>

const char *ct_version(void) { return TORCH_VERSION; }

char *ct_cpu_capability(void) {
    char *text = nullptr;
    ct_error_free(ct::guarded([&] { text = ct::copied(at::get_cpu_capability()); }));
    return text;
}

int32_t ct_thread_count(void) {
    return ct::known<int32_t>(1, [] { return at::get_num_threads(); });
}

ct_error ct_set_thread_count(int32_t count) {
    return ct::guarded([&] { at::set_num_threads(count); });
}

void ct_set_deterministic(bool deterministic) {
    ct_error_free(ct::guarded([&] { at::globalContext().setDeterministicAlgorithms(deterministic, false); }));
}

void ct_set_tensor_float(bool allowed) {
    ct_error_free(ct::guarded([&] {
        auto &context = at::globalContext();
        context.setFloat32MatmulPrecision(allowed ? "high" : "highest");
        context.setAllowTF32CuDNN(allowed);
    }));
}

bool ct_tensor_float(void) {
    return ct::known(false, [] {
        auto &context = at::globalContext();
        return context.allowTF32CuDNN() && context.float32MatmulPrecision() != at::Float32MatmulPrecision::HIGHEST;
    });
}

bool ct_benchmark(void) {
    return ct::known(false, [] { return at::globalContext().benchmarkCuDNN(); });
}

void ct_set_benchmark(bool benchmark) {
    ct_error_free(ct::guarded([&] { at::globalContext().setBenchmarkCuDNN(benchmark); }));
}

bool ct_deterministic(void) {
    return ct::known(false, [] { return at::globalContext().deterministicAlgorithms(); });
}

ct_error ct_parallel_for(int64_t begin, int64_t end, int64_t grain,
                         void (*body)(void *context, int64_t begin, int64_t end), void *context) {
    return ct::guarded([&] {
        at::parallel_for(begin, end, grain, [&](int64_t first, int64_t last) { body(context, first, last); });
    });
}
