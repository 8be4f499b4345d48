#include "Bridge.hpp"

#include <ATen/DeviceAccelerator.h>
#include <c10/core/CachingDeviceAllocator.h>
#include <c10/core/impl/VirtualGuardImpl.h>

namespace {

// The hooks of a kind of device; nullptr for kinds that have none.
const at::AcceleratorHooksInterface *hooks(c10::DeviceType type) {
    switch (type) {
    case c10::DeviceType::CUDA:
    case c10::DeviceType::MPS:
    case c10::DeviceType::PrivateUse1:
        break;
    default:
        return nullptr;
    }
    if (type == c10::DeviceType::PrivateUse1 && !c10::is_privateuse1_backend_registered()) return nullptr;
    return &at::globalContext().getAcceleratorHooksInterface(type);
}

// nullptr where memory is not counted.
c10::DeviceAllocator *allocator(c10::DeviceType type) {
    return type == c10::DeviceType::CPU ? nullptr : dynamic_cast<c10::DeviceAllocator *>(c10::GetAllocator(type));
}

} // namespace

bool ct_device_is_built(int32_t type) {
    return ct::known(false, [&] {
        auto kind = static_cast<c10::DeviceType>(type);
        if (kind == c10::DeviceType::CPU || kind == c10::DeviceType::Meta) return true;
        const auto *own = hooks(kind);
        // A build with CUDA calls it its accelerator also where there is no driver.
        return own != nullptr && (own->isBuilt() || at::getAccelerator(false) == kind);
    });
}

int32_t ct_device_count(int32_t type) {
    return ct::known<int32_t>(0, [&] {
        auto kind = static_cast<c10::DeviceType>(type);
        if (kind == c10::DeviceType::CPU) return 1;
        const auto *own = hooks(kind);
        if (own == nullptr) return 0;
        if (kind == c10::DeviceType::MPS) return at::hasMPS() ? 1 : 0;
        return static_cast<int>(own->deviceCount());
    });
}

ct_error ct_device_synchronize(ct_device device) {
    return ct::guarded([&] {
        auto type = static_cast<c10::DeviceType>(device.type);
        if (hooks(type) == nullptr) return;
        c10::impl::VirtualGuardImpl guard(type);
        guard.synchronizeDevice(device.index < 0 ? guard.getDevice().index()
                                                 : static_cast<c10::DeviceIndex>(device.index));
    });
}

bool ct_device_memory(ct_device device, int64_t *held, int64_t *peak) {
    return ct::known(false, [&] {
        auto *memory = allocator(static_cast<c10::DeviceType>(device.type));
        if (memory == nullptr) return false;
        auto stats = memory->getDeviceStats(static_cast<c10::DeviceIndex>(device.index < 0 ? 0 : device.index));
        const auto &bytes = stats.allocated_bytes[0];
        *held = bytes.current;
        *peak = bytes.peak;
        return true;
    });
}

ct_error ct_device_reset_peak(ct_device device) {
    return ct::guarded([&] {
        auto *memory = allocator(static_cast<c10::DeviceType>(device.type));
        if (memory != nullptr)
            memory->resetPeakStats(static_cast<c10::DeviceIndex>(device.index < 0 ? 0 : device.index));
    });
}

ct_error ct_device_empty_cache(ct_device device) {
    return ct::guarded([&] {
        auto *memory = allocator(static_cast<c10::DeviceType>(device.type));
        if (memory != nullptr) memory->emptyCache();
    });
}
