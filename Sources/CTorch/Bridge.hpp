// Shared by the files of the shim: exception guards and conversions between handles and libtorch's types.

#pragma once

#if !__has_include(<ATen/ATen.h>)
#error "libtorch is missing: run `make setup`, or set LIBTORCH=/path/to/libtorch and run it"
#endif

#include <ATen/ATen.h>
#include <cstring>
#include <exception>
#include <string>

#include "ctorch.h"

namespace ct {

// The error if there is no memory for a message. It is not freed.
inline char out_of_memory[] = "out of memory";

// NULL if it runs out of memory.
inline char *copied(const char *text, size_t count) noexcept {
    auto *copy = static_cast<char *>(std::malloc(count + 1));
    if (copy != nullptr) {
        std::memcpy(copy, text, count);
        copy[count] = 0;
    }
    return copy;
}

inline char *copied(const std::string &text) {
    auto *copy = copied(text.data(), text.size());
    TORCH_CHECK(copy != nullptr, out_of_memory);
    return copy;
}

// An error is never NULL, which stands for success.
inline ct_error failure(const char *text, size_t count) noexcept {
    auto *message = copied(text, count);
    return message != nullptr ? message : out_of_memory;
}

inline ct_error failure(const char *text) noexcept { return failure(text, std::strlen(text)); }

// Runs `body` and converts any exception to a message.
template <typename Body> inline ct_error guarded(const Body &body) noexcept {
    try {
        body();
        return nullptr;
    } catch (const c10::Error &error) {
        return failure(error.what_without_backtrace());
    } catch (const std::exception &error) {
        return failure(error.what());
    } catch (...) {
        return failure("an exception of unknown type");
    }
}

// The result of `body`, or `otherwise` if it throws: for properties that every tensor of this layer has.
template <typename Value, typename Body> inline Value known(Value otherwise, const Body &body) noexcept {
    try {
        return body();
    } catch (...) {
        return otherwise;
    }
}

// The tensor behind a handle, with a reference of its own.
inline at::Tensor borrowed(ct_tensor handle) {
    auto *impl = reinterpret_cast<c10::TensorImpl *>(handle);
    return at::Tensor(c10::intrusive_ptr<c10::TensorImpl, c10::UndefinedTensorImpl>::reclaim_copy(impl));
}

inline c10::TensorImpl *implementation(ct_tensor handle) { return reinterpret_cast<c10::TensorImpl *>(handle); }

// Nested tensors have no shape, which all higher layers rely on.
inline void require_shape(const at::Tensor &tensor) {
    TORCH_CHECK(!tensor.defined() || !tensor.is_nested(),
                "nested tensors are not supported: use a separate tensor for each part");
}

// An undefined tensor becomes NULL.
inline ct_tensor owned(at::Tensor tensor) {
    if (!tensor.defined()) {
        return nullptr;
    }
    require_shape(tensor);
    return reinterpret_cast<ct_tensor>(tensor.unsafeReleaseTensorImpl());
}

inline at::Tensor borrowed_or_undefined(ct_tensor handle) {
    return handle == nullptr ? at::Tensor() : borrowed(handle);
}

inline at::Generator generator(ct_generator handle) {
    auto *impl = reinterpret_cast<c10::GeneratorImpl *>(handle);
    return at::Generator(c10::intrusive_ptr<c10::GeneratorImpl>::reclaim_copy(impl));
}

} // namespace ct
