// What the files of the shim share: guarding against exceptions, handles to libtorch's types and back.

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

inline char *copied(const char *text, size_t count) {
    auto *copy = static_cast<char *>(std::malloc(count + 1));
    if (copy != nullptr) {
        std::memcpy(copy, text, count);
        copy[count] = 0;
    }
    return copy;
}

inline char *copied(const std::string &text) { return copied(text.data(), text.size()); }

// Runs `body`; turns whatever it throws into a message.
template <typename Body> inline ct_error guarded(const Body &body) noexcept {
    try {
        body();
        return nullptr;
    } catch (const c10::Error &error) {
        return copied(error.what_without_backtrace());
    } catch (const std::exception &error) {
        return copied(error.what());
    } catch (...) {
        return copied("an exception of an unknown kind");
    }
}

// The tensor behind a handle, with a reference of its own.
inline at::Tensor borrowed(ct_tensor handle) {
    auto *impl = reinterpret_cast<c10::TensorImpl *>(handle);
    return at::Tensor(c10::intrusive_ptr<c10::TensorImpl, c10::UndefinedTensorImpl>::reclaim_copy(impl));
}

inline c10::TensorImpl *implementation(ct_tensor handle) { return reinterpret_cast<c10::TensorImpl *>(handle); }

// An undefined tensor becomes NULL.
inline ct_tensor owned(at::Tensor tensor) {
    if (!tensor.defined()) {
        return nullptr;
    }
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
