#include "Bridge.hpp"

#include <ATen/CPUGeneratorImpl.h>

namespace {
ct_generator owned(at::Generator generator) {
    return reinterpret_cast<ct_generator>(generator.unsafeReleaseGeneratorImpl());
}
} // namespace

ct_error ct_generator_create(uint64_t seed, ct_generator *result) {
    return ct::guarded([&] { *result = owned(at::detail::createCPUGenerator(seed)); });
}

ct_error ct_generator_default(ct_device device, ct_generator *result) {
    return ct::guarded([&] {
        c10::Device place(static_cast<c10::DeviceType>(device.type), static_cast<c10::DeviceIndex>(device.index));
        *result = owned(at::globalContext().defaultGenerator(place));
    });
}

void ct_generator_retain(ct_generator generator) {
    c10::raw::intrusive_ptr::incref(reinterpret_cast<c10::GeneratorImpl *>(generator));
}

void ct_generator_release(ct_generator generator) {
    c10::raw::intrusive_ptr::decref(reinterpret_cast<c10::GeneratorImpl *>(generator));
}

ct_error ct_generator_seed(ct_generator handle, uint64_t seed) {
    return ct::guarded([&] {
        auto generator = ct::generator(handle);
        std::lock_guard<std::mutex> lock(generator.mutex());
        generator.set_current_seed(seed);
    });
}

ct_error ct_generator_state(ct_generator handle, ct_tensor *state) {
    return ct::guarded([&] {
        auto generator = ct::generator(handle);
        std::lock_guard<std::mutex> lock(generator.mutex());
        *state = ct::owned(generator.get_state());
    });
}

ct_error ct_generator_set_state(ct_generator handle, ct_tensor state) {
    return ct::guarded([&] {
        auto generator = ct::generator(handle);
        std::lock_guard<std::mutex> lock(generator.mutex());
        generator.set_state(ct::borrowed(state));
    });
}
