#include "fake_device.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/EmptyTensor.h>
#include <ATen/autocast_mode.h>
#include <ATen/detail/PrivateUse1HooksInterface.h>
#include <ATen/native/CPUFallback.h>
#include <ATen/native/TensorShape.h>
#include <ATen/ops/_reshape_alias_native.h>
#include <ATen/ops/as_strided_native.h>
#include <ATen/ops/view_native.h>
#include <c10/core/CachingDeviceAllocator.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>
#include <atomic>
#include <cstring>
#include <map>
#include <mutex>
#include <set>
#include <sys/mman.h>
#include <torch/library.h>
#include <unordered_map>
#include <utility>
#include <vector>

namespace {

constexpr auto kind = c10::DeviceType::PrivateUse1;
const c10::Device place(kind, 0);

// MARK: - Counting

std::atomic<int64_t> operators, copies_to_host, copies_to_device, waits, pinned_copies, side_copies, list_operators,
    early_releases;
std::mutex names_mutex;
std::map<std::string, int> names;

void wait_for_device(const std::string &name) {
    ++waits;
    std::lock_guard lock(names_mutex);
    ++names[name];
}

// MARK: - Streams

// Work is done at once. What a stream would do later is kept in mind: memory that one stream has made is not there for
// another one before that has waited for an event of the first.
thread_local c10::StreamId current_stream = 0;
std::atomic<c10::StreamId> stream_count;
std::atomic<int64_t> clock_ticks;

// A point on a stream.
struct Point {
    c10::StreamId stream;
    int64_t tick;
};

// MARK: - Memory

// A block is mapped twice as large as asked for. The first half, whose address tensors have, cannot be touched; operators
// work in the second one.
class Memory final : public c10::DeviceAllocator {
  public:
    c10::DataPtr allocate(size_t count) override {
        if (count == 0) return {nullptr, nullptr, &release, place};
        std::lock_guard lock(mutex_);
        size_t capacity = (count + 4095) / 4096 * 4096;
        auto &free = free_[capacity];
        char *address = nullptr;
        if (free.empty()) {
            void *memory = mmap(nullptr, 2 * capacity, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
            TORCH_CHECK(memory != MAP_FAILED, "fake device: memory has run out");
            address = static_cast<char *>(memory);
            mprotect(address + capacity, capacity, PROT_READ | PROT_WRITE);
        } else {
            address = free.back();
            free.pop_back();
        }
        blocks_[address] = {.capacity = capacity, .home = current_stream, .made = current_stream == 0 ? 0 : ++clock_ticks};
        held_ += static_cast<int64_t>(capacity);
        peak_ = std::max(peak_, held_);
        return {address, address, &release, place};
    }
    c10::DeleterFnPtr raw_deleter() const override { return &release; }
    void copy_data(void *target, const void *source, size_t count) const override {
        std::memcpy(seen(target), seen(const_cast<void *>(source)), count);
    }

    // Where operators find what lies at an address of the device.
    static char *seen(void *address) {
        auto &self = shared();
        std::lock_guard lock(self.mutex_);
        auto *wanted = static_cast<char *>(address);
        auto block = self.blocks_.upper_bound(wanted);
        if (block == self.blocks_.begin()) return wanted;
        --block;
        auto &found = block->second;
        if (wanted >= block->first + found.capacity) return wanted;
        TORCH_CHECK(found.made == 0 || found.home == current_stream,
                    "fake device: memory of another stream is used before that was waited for");
        if (found.home != current_stream) found.is_shared = true;
        return wanted + found.capacity;
    }

    // A stream waits for another one's point: what was made before it is there for it.
    static void reached(const Point &point) {
        auto &self = shared();
        std::lock_guard lock(self.mutex_);
        for (auto &[address, block] : self.blocks_) {
            if (block.home == point.stream && block.made <= point.tick) block.made = 0;
        }
    }

    // The memory is not reused before the other stream is done with it.
    static void recorded(const c10::DataPtr &data) {
        auto &self = shared();
        std::lock_guard lock(self.mutex_);
        auto block = self.blocks_.find(static_cast<char *>(data.get()));
        if (block != self.blocks_.end()) block->second.is_recorded = true;
    }

    bool initialized() override { return true; }
    void emptyCache(c10::MempoolId_t = {0, 0}) override {}
    void recordStream(const c10::DataPtr &data, c10::Stream) override { recorded(data); }
    c10::CachingDeviceAllocator::DeviceStats getDeviceStats(c10::DeviceIndex) override {
        std::lock_guard lock(mutex_);
        c10::CachingDeviceAllocator::DeviceStats stats;
        stats.allocated_bytes[0].current = held_;
        stats.allocated_bytes[0].peak = peak_;
        return stats;
    }
    void resetAccumulatedStats(c10::DeviceIndex) override {}
    void resetPeakStats(c10::DeviceIndex) override {
        std::lock_guard lock(mutex_);
        peak_ = held_;
    }

    static Memory &shared() {
        static auto *memory = new Memory; // never destroyed: tensors outlive static objects
        return *memory;
    }

  private:
    static void release(void *address) {
        if (address == nullptr) return;
        auto &self = shared();
        std::lock_guard lock(self.mutex_);
        auto block = self.blocks_.find(static_cast<char *>(address));
        if (block == self.blocks_.end()) return;
        if (block->second.is_shared && !block->second.is_recorded) ++early_releases;
        self.held_ -= static_cast<int64_t>(block->second.capacity);
        self.free_[block->second.capacity].push_back(block->first);
        self.blocks_.erase(block);
    }

    struct Block {
        size_t capacity;
        c10::StreamId home;       // the stream that it was made on
        int64_t made;             // when; 0 where all streams have it
        bool is_shared = false;   // was used on another stream than its own
        bool is_recorded = false; // on that stream
    };

    std::mutex mutex_;
    std::map<char *, Block> blocks_;
    std::unordered_map<size_t, std::vector<char *>> free_;
    int64_t held_ = 0, peak_ = 0;
};

// Memory of the host that counts as pinned.
class PinnedMemory final : public c10::Allocator {
  public:
    c10::DataPtr allocate(size_t count) override {
        void *memory = std::malloc(std::max<size_t>(count, 1));
        std::lock_guard lock(mutex_);
        blocks_[static_cast<char *>(memory)] = std::max<size_t>(count, 1);
        return {memory, memory, &release, c10::Device(c10::DeviceType::CPU)};
    }
    c10::DeleterFnPtr raw_deleter() const override { return &release; }
    void copy_data(void *target, const void *source, size_t count) const override { std::memcpy(target, source, count); }
    static bool holds(const void *address) {
        auto &self = shared();
        std::lock_guard lock(self.mutex_);
        auto *wanted = static_cast<char *>(const_cast<void *>(address));
        auto block = self.blocks_.upper_bound(wanted);
        if (block == self.blocks_.begin()) return false;
        --block;
        return wanted < block->first + block->second;
    }
    static PinnedMemory &shared() {
        static auto *memory = new PinnedMemory;
        return *memory;
    }

  private:
    static void release(void *address) {
        {
            auto &self = shared();
            std::lock_guard lock(self.mutex_);
            self.blocks_.erase(static_cast<char *>(address));
        }
        std::free(address);
    }
    std::mutex mutex_;
    std::map<char *, size_t> blocks_;
};

// MARK: - Device, stream, generator

struct Guard final : c10::impl::NoOpDeviceGuardImpl<kind> {
    static c10::Stream stream(c10::StreamId id) { return c10::Stream(c10::Stream::UNSAFE, place, id); }
    c10::Device getDevice() const override { return place; }
    c10::Device exchangeDevice(c10::Device) const override { return place; }
    c10::Stream getStream(c10::Device) const noexcept override { return stream(current_stream); }
    c10::Stream getDefaultStream(c10::Device) const override { return stream(0); }
    c10::Stream getNewStream(c10::Device, int = 0) const override { return stream(++stream_count); }
    c10::Stream exchangeStream(c10::Stream next) const noexcept override {
        return stream(std::exchange(current_stream, next.id()));
    }
    void record(void **event, const c10::Stream &stream, const c10::DeviceIndex, const c10::EventFlag) const override {
        if (*event == nullptr) *event = new Point;
        *static_cast<Point *>(*event) = {stream.id(), clock_ticks};
    }
    void block(void *event, const c10::Stream &stream) const override {
        auto *point = static_cast<Point *>(event);
        if (point != nullptr && point->stream != stream.id()) Memory::reached(*point);
    }
    void destroyEvent(void *event, const c10::DeviceIndex) const noexcept override { delete static_cast<Point *>(event); }
    bool queryEvent(void *) const override { return true; }
    bool queryStream(const c10::Stream &) const override { return true; }
    void synchronizeStream(const c10::Stream &) const override {}
    void synchronizeEvent(void *) const override {}
    void synchronizeDevice(const c10::DeviceIndex) const override { wait_for_device("synchronize"); }
    void recordDataPtrOnStream(const c10::DataPtr &data, const c10::Stream &) const override { Memory::recorded(data); }
};

at::Generator &generator() {
    static auto *generator = new at::Generator(at::detail::createCPUGenerator());
    return *generator;
}

struct Hooks final : at::PrivateUse1HooksInterface {
    bool isBuilt() const override { return true; }
    bool isAvailable() const override { return true; }
    bool hasPrimaryContext(c10::DeviceIndex) const override { return true; }
    void init() const override {}
    c10::DeviceIndex deviceCount() const override { return 1; }
    c10::DeviceIndex getCurrentDevice() const override { return 0; }
    const at::Generator &getDefaultGenerator(c10::DeviceIndex) const override { return generator(); }
    at::Allocator *getPinnedMemoryAllocator() const override { return &PinnedMemory::shared(); }
    bool isPinnedPtr(const void *address) const override { return PinnedMemory::holds(address); }
};

// MARK: - Operators that make, move and look

bool is_here(const at::Tensor &tensor) { return tensor.defined() && tensor.device().type() == kind; }

// The same elements as a tensor of the processor.
at::Tensor seen(const at::Tensor &tensor) {
    if (!is_here(tensor)) return tensor;
    at::AutoDispatchBelowADInplaceOrView guard;
    auto *data = tensor.numel() == 0 ? nullptr : Memory::seen(tensor.data_ptr());
    return at::from_blob(data, tensor.sizes(), tensor.strides(), tensor.options().device(at::kCPU));
}

std::atomic<bool> refuses_doubles;

// As on Apple's GPUs.
void check_type(std::optional<at::ScalarType> dtype) {
    TORCH_CHECK(!refuses_doubles || c10::dtype_or_default(dtype) != at::kDouble,
                "fake device: there are no numbers of type float64 here");
}

at::Tensor empty(at::IntArrayRef size, std::optional<at::ScalarType> dtype, std::optional<at::Layout>,
                 std::optional<at::Device>, std::optional<bool>, std::optional<at::MemoryFormat> format) {
    check_type(dtype);
    return at::detail::empty_generic(size, &Memory::shared(), c10::DispatchKeySet(c10::DispatchKey::PrivateUse1),
                                     c10::dtype_or_default(dtype), format);
}

at::Tensor empty_strided(at::IntArrayRef size, at::IntArrayRef stride, std::optional<at::ScalarType> dtype,
                         std::optional<at::Layout>, std::optional<at::Device>, std::optional<bool>) {
    check_type(dtype);
    return at::detail::empty_strided_generic(size, stride, &Memory::shared(),
                                             c10::DispatchKeySet(c10::DispatchKey::PrivateUse1),
                                             c10::dtype_or_default(dtype));
}

at::Tensor copy_from(const at::Tensor &source, const at::Tensor &target, bool non_blocking) {
    if (is_here(source) && !is_here(target)) {
        ++copies_to_host;
        wait_for_device("copy to the host");
    } else if (is_here(target) && !is_here(source)) {
        ++copies_to_device;
        if (current_stream != 0) ++side_copies;
        if (PinnedMemory::holds(source.data_ptr())) ++pinned_copies;
        if (!non_blocking) wait_for_device("blocking copy to the device");
    }
    seen(target).copy_(seen(source));
    return target;
}

at::Tensor copy_from_and_resize(const at::Tensor &source, const at::Tensor &target) {
    if (source.sizes() != target.sizes()) target.resize_(source.sizes());
    return copy_from(source, target, true);
}

const at::Tensor &resize(const at::Tensor &self, at::IntArrayRef size, std::optional<at::MemoryFormat>) {
    auto fresh = at::empty(size, self.options());
    auto *impl = self.unsafeGetTensorImpl();
    impl->set_storage_keep_dtype(fresh.storage());
    impl->set_sizes_and_strides(fresh.sizes(), fresh.strides(), 0);
    return self;
}

at::Scalar local_scalar(const at::Tensor &self) {
    ++copies_to_host;
    wait_for_device("a number to the host");
    return seen(self).item();
}

// A tensor of the processor as one of the device, laid out alike.
at::Tensor moved(const at::Tensor &tensor) {
    if (!tensor.defined() || is_here(tensor)) return tensor;
    auto source = tensor.is_non_overlapping_and_dense() ? tensor : tensor.contiguous();
    auto result = at::empty_strided(source.sizes(), source.strides(), source.options().device(place).pinned_memory(false));
    if (source.numel() > 0) std::memcpy(Memory::seen(result.data_ptr()), source.data_ptr(), source.nbytes());
    return result;
}

at::Tensor convolution(const at::Tensor &x, const at::Tensor &w, const std::optional<at::Tensor> &b,
                       c10::SymIntArrayRef stride, c10::SymIntArrayRef padding, c10::SymIntArrayRef dilation,
                       bool transposed, c10::SymIntArrayRef output_padding, c10::SymInt groups) {
    ++operators;
    for (const auto &part : {x, w, b.value_or(at::Tensor())})
        TORCH_CHECK(!part.defined() || is_here(part), "Input type and weight type should be the same (convolution)");
    auto bias = b && b->defined() ? std::optional<at::Tensor>(seen(*b)) : std::nullopt;
    return moved(at::convolution_symint(seen(x), seen(w), bias, stride, padding, dilation, transposed, output_padding, groups));
}

std::tuple<at::Tensor, at::Tensor, at::Tensor>
convolution_backward(const at::Tensor &y, const at::Tensor &x, const at::Tensor &w, c10::SymIntArrayRef stride,
                     c10::SymIntArrayRef padding, c10::SymIntArrayRef dilation, bool transposed,
                     c10::SymIntArrayRef output_padding, c10::SymInt groups, std::array<bool, 3> wanted) {
    ++operators;
    std::vector<c10::SymInt> bias{transposed ? w.sym_size(1) * groups : w.sym_size(0)};
    auto [a, b, c] = at::convolution_backward_symint(seen(y), seen(x), seen(w), c10::SymIntArrayRef(bias), stride, padding,
                                                     dilation, transposed, output_padding, groups, wanted);
    return {moved(a), moved(b), moved(c)};
}

// MARK: - All others

// Operators that take indices of the processor beside tensors of a GPU; each such index is a copy that is waited for.
const std::set<std::string> &lenient() {
    static const std::set<std::string> names{"aten::index", "aten::index_put_", "aten::_index_put_impl_", "aten::index_put"};
    return names;
}

// Operators whose results have a size that depends on numbers, or that give a number.
const std::set<std::string> &curious() {
    static const std::set<std::string> names{"aten::nonzero",       "aten::masked_select", "aten::equal",
                                             "aten::_unique2",      "aten::unique_dim",    "aten::unique_consecutive",
                                             "aten::repeat_interleave", "aten::bincount"};
    return names;
}

// Operators that add in any order on CUDA and refuse to run where that is forbidden, according to PyTorch's notes on
// reproducibility. Those that no detector has any use for are left out.
const std::set<std::string> &unordered() {
    static const std::set<std::string> names{
        "aten::upsample_bilinear2d_backward",     "aten::upsample_bicubic2d_backward",
        "aten::_upsample_bilinear2d_aa_backward", "aten::_upsample_bicubic2d_aa_backward",
        "aten::grid_sampler_2d_backward",         "aten::_adaptive_avg_pool2d_backward",
        "aten::adaptive_max_pool2d_backward",     "aten::reflection_pad2d_backward",
        "aten::replication_pad2d_backward",       "aten::nll_loss2d_forward",
        "aten::kthvalue"};
    return names;
}

void fallback(const c10::OperatorHandle &op, torch::jit::Stack *stack) {
    ++operators;
    const auto &schema = op.schema();
    if (schema.name().starts_with("aten::_foreach_") || schema.name().starts_with("aten::_fused_")) ++list_operators;
    const size_t count = schema.arguments().size(), first = stack->size() - count;
    // 1. CUDA's rules.
    bool here = false, elsewhere = false;
    auto look = [&](const at::Tensor &tensor, bool is_listed = false) {
        if (!tensor.defined()) return;
        if (is_here(tensor)) here = true;
        else if (tensor.device().is_cpu() && (tensor.dim() > 0 || is_listed)) elsewhere = true;
    };
    for (size_t i = first; i < stack->size(); ++i) {
        const auto &value = (*stack)[i];
        if (value.isTensor()) {
            look(value.toTensor());
        } else if (value.isTensorList()) {
            for (const auto &tensor : value.toTensorVector()) look(tensor, true);
        } else if (value.isOptionalTensorList()) {
            for (const auto &tensor : value.toOptionalTensorVector()) look(tensor.value_or(at::Tensor()));
        } else if (value.isGenerator()) {
            TORCH_CHECK(value.toGenerator() == generator(), "Expected a 'fake' device type for generator but found 'cpu'");
        }
    }
    TORCH_CHECK(!(here && elsewhere) || lenient().contains(schema.name()),
                "Expected all tensors to be on the same device, but found at least two devices, fake:0 and cpu! (",
                schema.name(), ")");
    if (here && elsewhere) wait_for_device(schema.name() + " with indices of the processor");
    if (curious().contains(schema.name())) wait_for_device(schema.name());
    if (unordered().contains(schema.name())) at::globalContext().alertNotDeterministic(schema.name());

    // 2. The same memory as tensors of the processor, device and generator likewise.
    std::vector<std::pair<const void *, at::Tensor>> given;
    auto lent = [&](const at::Tensor &tensor) {
        if (!is_here(tensor)) return tensor;
        auto result = seen(tensor);
        given.emplace_back(result.unsafeGetTensorImpl(), tensor);
        return result;
    };
    // Results that the caller has made, perhaps without a size: the kernel gets others, which it may resize.
    std::vector<std::pair<at::Tensor, at::Tensor>> made;
    auto out = [&](const at::Tensor &tensor) {
        if (!is_here(tensor)) return tensor;
        auto result = at::empty({0}, tensor.options().device(at::kCPU));
        given.emplace_back(result.unsafeGetTensorImpl(), tensor);
        made.emplace_back(result, tensor);
        return result;
    };
    for (size_t i = 0; i < count; ++i) {
        auto &value = (*stack)[first + i];
        const auto &type = schema.arguments()[i].type();
        auto inner = type->kind() == c10::TypeKind::OptionalType ? type->castRaw<c10::OptionalType>()->getElementType() : type;
        const auto &argument = schema.arguments()[i];
        if (value.isTensor() && argument.is_out()) {
            value = out(value.toTensor());
        } else if (value.isTensor()) {
            value = lent(value.toTensor());
        } else if (value.isTensorList()) {
            c10::List<at::Tensor> list;
            for (const auto &tensor : value.toTensorVector()) list.push_back(lent(tensor));
            value = std::move(list);
        } else if (value.isOptionalTensorList()) {
            c10::List<std::optional<at::Tensor>> list;
            for (const auto &tensor : value.toOptionalTensorVector())
                list.push_back(tensor ? std::optional<at::Tensor>(lent(*tensor)) : std::nullopt);
            value = std::move(list);
        } else if (value.isDevice()) {
            value = c10::Device(at::kCPU);
        } else if (value.isNone() && inner->kind() == c10::TypeKind::GeneratorType) {
            value = generator();
        }
    }

    // 3. The processor's kernel; nothing of the device may be left in the dispatch keys.
    op.redispatchBoxed(c10::DispatchKeySet(c10::DispatchKey::CPU), stack);

    for (const auto &[result, tensor] : made) {
        if (tensor.sizes() != result.sizes()) tensor.resize_(result.sizes());
        seen(tensor).copy_(result);
    }

    // 4. Results: what was given, or a part of it, stays the tensor that it was; the rest goes to the device.
    auto back = [&](const at::Tensor &tensor) -> at::Tensor {
        if (!tensor.defined()) return tensor;
        for (const auto &[impl, original] : given) if (tensor.unsafeGetTensorImpl() == impl) return original;
        return moved(tensor);
    };
    const size_t results = schema.returns().size();
    for (size_t i = stack->size() - results; i < stack->size(); ++i) {
        auto &value = (*stack)[i];
        if (value.isTensor()) {
            value = back(value.toTensor());
        } else if (value.isTensorList()) {
            c10::List<at::Tensor> list;
            for (const auto &tensor : value.toTensorVector()) list.push_back(back(tensor));
            value = std::move(list);
        }
    }
}

// MARK: - Registration

// Before the first backward pass, whose engine makes a thread for each device.
[[maybe_unused]] c10::impl::DeviceGuardImplRegistrar guard(kind, new Guard);

} // namespace

TORCH_LIBRARY_IMPL(aten, PrivateUse1, m) {
    m.impl("empty.memory_format", &empty);
    m.impl("empty_strided", &empty_strided);
    m.impl("_copy_from", &copy_from);
    m.impl("_copy_from_and_resize", &copy_from_and_resize);
    m.impl("resize_", &resize);
    m.impl("_local_scalar_dense", &local_scalar);
    m.impl("convolution_overrideable", &convolution);
    m.impl("convolution_backward_overrideable", &convolution_backward);
    m.impl("as_strided", TORCH_FN(at::native::as_strided_tensorimpl));
    m.impl("view", TORCH_FN(at::native::view));
    m.impl("_reshape_alias", TORCH_FN(at::native::_reshape_alias));
}

TORCH_LIBRARY_IMPL(_, PrivateUse1, m) { m.fallback(torch::CppFunction::makeFromBoxedFunction<&fallback>()); }

// Lists of tensors, which CUDA has kernels of its own for. Without an entry libtorch takes the lists apart before the
// fallback sees them.
TORCH_LIBRARY_IMPL(aten, PrivateUse1, m) {
    for (const char *name : {"_foreach_norm.Scalar", "_foreach_add_.Scalar", "_foreach_add_.List", "_foreach_mul_.Scalar",
                             "_foreach_copy_", "_foreach_clamp_min_.Scalar", "_foreach_clamp_max_.Scalar"})
        m.impl(name, torch::CppFunction::makeFromBoxedFunction<&fallback>());
}

// CUDA's lists of casts.
TORCH_LIBRARY_IMPL(_, AutocastPrivateUse1, m) { m.fallback(torch::CppFunction::makeFallthrough()); }
TORCH_LIBRARY_IMPL(aten, AutocastPrivateUse1, m) {
#define LOWER(...) KERNEL_PRIVATEUSEONE(__VA_ARGS__, lower_precision_fp)
    AT_FORALL_LOWER_PRECISION_FP(LOWER)
#define FULL(...) KERNEL_PRIVATEUSEONE(__VA_ARGS__, fp32)
    AT_FORALL_FP32(FULL)
#define PROMOTE(...) KERNEL_PRIVATEUSEONE(__VA_ARGS__, promote)
    AT_FORALL_PROMOTE(PROMOTE)
}

void fake_device_prepare(void) {
    static std::once_flag once;
    std::call_once(once, [] {
        c10::register_privateuse1_backend("registered");
        c10::SetAllocator(kind, &Memory::shared(), 1);
        at::RegisterPrivateUse1HooksInterface(new Hooks);
    });
}

fake_device_counts fake_device_count(void) {
    return {operators,   copies_to_host, copies_to_device, waits, pinned_copies,
            side_copies, list_operators, early_releases};
}

void fake_device_set_stream(int64_t stream) { current_stream = stream; }

void fake_device_refuse_doubles(bool refuses) { refuses_doubles = refuses; }

void fake_device_reset(void) {
    operators = copies_to_host = copies_to_device = waits = pinned_copies = 0;
    side_copies = list_operators = early_releases = 0;
    std::lock_guard lock(names_mutex);
    names.clear();
}

char *fake_device_waits(void) {
    std::lock_guard lock(names_mutex);
    std::string text;
    for (const auto &[name, count] : names) text += std::to_string(count) + " " + name + "\n";
    return strdup(text.c_str());
}
