#include "Bridge.hpp"

#include <c10/core/DeviceGuard.h>
#include <c10/core/Event.h>
#include <c10/core/GradMode.h>
#include <c10/core/StreamGuard.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <map>
#include <memory>
#include <mutex>

struct ct_upload_impl {
    at::Tensor copy;
    c10::Event end;
};

namespace {

// The stream for copies to a device: one for the whole process.
c10::Stream copying_stream(const c10::impl::VirtualGuardImpl &guard, c10::Device device) {
    static std::mutex mutex;
    static std::map<std::pair<c10::DeviceType, c10::DeviceIndex>, c10::Stream> streams;
    std::lock_guard lock(mutex);
    auto key = std::pair(device.type(), device.index());
    auto known = streams.find(key);
    if (known == streams.end()) known = streams.emplace(key, guard.getNewStream(device)).first;
    return known->second;
}

} // namespace

ct_error ct_upload_begin(ct_tensor tensor, ct_device target, ct_upload *result) {
    return ct::guarded([&] {
        auto type = static_cast<c10::DeviceType>(target.type);
        c10::impl::VirtualGuardImpl guard(type);
        c10::Device device(type, target.index < 0 ? guard.getDevice().index()
                                                  : static_cast<c10::DeviceIndex>(target.index));
        c10::NoGradGuard no_gradients;
        c10::StreamGuard stream(copying_stream(guard, device));
        auto source = ct::borrowed(tensor);
        auto upload = std::unique_ptr<ct_upload_impl>(
            new ct_upload_impl{source.to(device, source.scalar_type(), /*non_blocking=*/true), c10::Event(type)});
        upload->end.record(stream.current_stream());
        *result = upload.release();
    });
}

ct_error ct_upload_await(ct_upload upload, ct_tensor *result) {
    return ct::guarded([&] {
        auto device = upload->copy.device();
        c10::impl::VirtualGuardImpl guard(device.type());
        auto current = guard.getStream(device);
        upload->end.block(current);
        // The memory belongs to the copying stream, which must not reuse it while this one still reads.
        guard.recordDataPtrOnStream(upload->copy.storage().data_ptr(), current);
        *result = ct::owned(upload->copy);
    });
}

void ct_upload_release(ct_upload upload) { delete upload; }
