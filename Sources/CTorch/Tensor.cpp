#include "Bridge.hpp"

void ct_error_free(ct_error error) {
    if (error != ct::out_of_memory) std::free(error);
}

ct_error ct_error_make(const char *text, size_t count) { return ct::failure(text, count); }

ct_error ct_tensor_wrap(void *memory, ct_dtype dtype, const int64_t *shape, const int64_t *strides, size_t rank,
                        ct_release release, void *context, ct_tensor *result) {
    // libtorch does not call the deleter if it fails before the storage exists.
    bool handed_over = false;
    auto error = ct::guarded([&] {
        auto deleter = [release, context](void *) {
            if (release != nullptr) {
                release(context);
            }
        };
        auto options = at::TensorOptions(static_cast<at::ScalarType>(dtype));
        auto tensor = at::for_blob(memory, at::IntArrayRef(shape, rank))
                          .strides(at::IntArrayRef(strides, rank))
                          .deleter(deleter)
                          .options(options)
                          .make_tensor();
        handed_over = true;
        *result = ct::owned(std::move(tensor));
    });
    if (error != nullptr && !handed_over && release != nullptr) {
        release(context);
    }
    return error;
}

void ct_tensor_retain(ct_tensor tensor) { c10::raw::intrusive_ptr::incref(ct::implementation(tensor)); }

void ct_tensor_release(ct_tensor tensor) { c10::raw::intrusive_ptr::decref(ct::implementation(tensor)); }

size_t ct_tensor_rank(ct_tensor tensor) {
    return ct::known<size_t>(0, [&] { return ct::implementation(tensor)->dim(); });
}

int64_t ct_tensor_count(ct_tensor tensor) {
    return ct::known<int64_t>(0, [&] { return ct::implementation(tensor)->numel(); });
}

void ct_tensor_shape(ct_tensor tensor, int64_t *shape) {
    ct_error_free(ct::guarded([&] {
        auto sizes = ct::implementation(tensor)->sizes();
        std::copy(sizes.begin(), sizes.end(), shape);
    }));
}

ct_error ct_tensor_strides(ct_tensor tensor, int64_t *strides) {
    return ct::guarded([&] {
        auto values = ct::implementation(tensor)->strides();
        std::copy(values.begin(), values.end(), strides);
    });
}

int32_t ct_tensor_dtype(ct_tensor tensor) {
    return ct::known<int32_t>(-1, [&] {
        return static_cast<int32_t>(c10::typeMetaToScalarType(ct::implementation(tensor)->dtype()));
    });
}

ct_device ct_tensor_device(ct_tensor tensor) {
    return ct::known<ct_device>({0, -1}, [&] {
        auto device = ct::implementation(tensor)->device();
        return ct_device{static_cast<int32_t>(device.type()), device.index()};
    });
}

bool ct_tensor_is_contiguous(ct_tensor tensor, ct_memory_format format) {
    return ct::known(false, [&] {
        return ct::implementation(tensor)->is_contiguous(static_cast<at::MemoryFormat>(format));
    });
}

ct_error ct_tensor_data(ct_tensor tensor, void **data) {
    return ct::guarded([&] { *data = ct::borrowed(tensor).data_ptr(); });
}

uint64_t ct_tensor_storage_identity(ct_tensor tensor) {
    return ct::known<uint64_t>(0, [&] {
        auto *impl = ct::implementation(tensor);
        auto *storage = impl->has_storage() ? impl->unsafe_storage().unsafeGetStorageImpl() : nullptr;
        return reinterpret_cast<uint64_t>(storage);
    });
}
