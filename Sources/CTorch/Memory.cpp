#include "Bridge.hpp"

#include <algorithm>
#include <c10/core/CPUAllocator.h>
#include <mutex>
#include <sys/mman.h>
#include <vector>
#ifdef __GLIBC__
#include <malloc.h>
#endif

namespace {

// Main memory for tensors. Large blocks are kept when tensors are freed and lent again: page faults of fresh memory cost
// more than most computations in it, and the C library returns large blocks to the system immediately. A block is cut
// from the smallest free range that holds it, and joins its free neighbors when it comes back, so that a step which
// asks for the same sizes as the last one finds its memory again, and lent and kept memory together are little more
// than what was once lent at the same time.
class KeptMemory final : public c10::Allocator {
  public:
    explicit KeptMemory(c10::Allocator *plain) : plain_(plain) {}

    c10::DataPtr allocate(size_t count) override {
        if (count < smallest) return plain_->allocate(count);
        void *data = lend((count + unit - 1) / unit * unit);
        TORCH_CHECK(data != nullptr, "not enough memory: you tried to allocate ", count, " bytes");
        return {data, data, &release, c10::Device(c10::DeviceType::CPU)};
    }

    c10::DeleterFnPtr raw_deleter() const override { return &release; }

    void copy_data(void *target, const void *source, size_t count) const override {
        default_copy_data(target, source, count);
    }

    void set_limit(size_t limit) {
        std::lock_guard lock(mutex_);
        limit_ = limit;
        shrink(limit);
    }

    void release() {
        std::lock_guard lock(mutex_);
        shrink(0);
    }

    static KeptMemory &shared() {
        // Never destroyed: tensors outlive static objects.
        static auto *memory = new KeptMemory(c10::GetDefaultCPUAllocator());
        return *memory;
    }

  private:
    struct Range {
        char *data;
        size_t size;
        bool lent;
        uint64_t freed; // grows with each return

        char *end() const { return data + size; }
    };
    using Ranges = std::vector<Range>;

    static constexpr size_t smallest = 1 << 20;
    static constexpr size_t unit = 1 << 16;
    // How much larger the ranges may make the process than the lent ones were at most: what lies between lent ranges
    // and is too small for the next request. Without it such ranges are freed, and come again.
    static constexpr size_t slack = 128 << 20;

    // Null when the system has no memory.
    void *lend(size_t size) {
        std::lock_guard lock(mutex_);
        // What is inserted below needs no more memory.
        ranges_.reserve(ranges_.size() + 2);
        auto best = ranges_.end();
        for (auto range = ranges_.begin(); range != ranges_.end(); ++range) {
            if (range->lent || range->size < size) continue;
            if (best == ranges_.end() || range->size < best->size) best = range;
        }
        if (best == ranges_.end()) best = grown(size);
        if (best == ranges_.end()) return nullptr;
        if (best->size > size) {
            // The upper end is lent: the system places new memory below the old.
            best->size -= size;
            best = ranges_.insert(std::next(best), {best->end(), size, false, best->freed});
        }
        best->lent = true;
        kept_bytes_ -= size;
        lent_bytes_ += size;
        most_lent_ = std::max(most_lent_, lent_bytes_);
        return best->data;
    }

    // A free range of at least `size` bytes with new memory, where possible only the missing part below a free range.
    Ranges::iterator grown(size_t size) noexcept {
        size_t lent = lent_bytes_ + size;
        shrink(std::max(most_lent_, lent) + slack - lent);
        auto largest = ranges_.end();
        for (auto range = ranges_.begin(); range != ranges_.end(); ++range) {
            if (range->lent || (range != ranges_.begin() && std::prev(range)->end() == range->data)) continue;
            if (largest == ranges_.end() || range->size > largest->size) largest = range;
        }
        if (largest != ranges_.end()) {
            size_t missing = size - largest->size;
            char *place = largest->data - missing;
            char *data = mapped(place, missing);
            if (data == place) return added(data, missing);
            if (data != nullptr) munmap(data, missing);
        }
        char *data = mapped(nullptr, size);
        if (data == nullptr) {
            // Freeing the kept ranges may suffice.
            shrink(0);
            data = mapped(nullptr, size);
        }
        return data == nullptr ? ranges_.end() : added(data, size);
    }

    // Memory of its own, not the C library's: what is freed goes back to the system whatever lies beside it.
    static char *mapped(char *place, size_t size) noexcept {
        void *data = mmap(place, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        return data == MAP_FAILED ? nullptr : static_cast<char *>(data);
    }

    Ranges::iterator added(char *data, size_t size) noexcept {
        kept_bytes_ += size;
        return joined(ranges_.insert(first(data), {data, size, false, ++returns_}));
    }

    // The first range at `data` or above.
    Ranges::iterator first(char *data) noexcept {
        return std::lower_bound(
            ranges_.begin(), ranges_.end(), data, [](const Range &range, char *data) { return range.data < data; });
    }

    // The range with its free neighbors.
    Ranges::iterator joined(Ranges::iterator range) noexcept {
        auto upper = std::next(range);
        if (upper != ranges_.end() && !upper->lent && range->end() == upper->data) {
            range->size += upper->size;
            ranges_.erase(upper);
        }
        if (range == ranges_.begin()) return range;
        auto lower = std::prev(range);
        if (lower->lent || lower->end() != range->data) return range;
        lower->size += range->size;
        lower->freed = range->freed;
        ranges_.erase(range);
        return lower;
    }

    static void release(void *data) noexcept { shared().keep(static_cast<char *>(data)); }

    // Tensors are freed where nothing may throw: nothing is allocated here.
    void keep(char *data) noexcept {
        std::lock_guard lock(mutex_);
        auto range = first(data);
        if (range == ranges_.end() || range->data != data) return plain_->raw_deleter()(data);
        range->lent = false;
        range->freed = ++returns_;
        kept_bytes_ += range->size;
        lent_bytes_ -= range->size;
        joined(range);
        shrink(std::min(limit_, most_lent_ + slack - lent_bytes_));
    }

    // Frees what was returned longest ago until at most `limit` bytes are kept.
    void shrink(size_t limit) noexcept {
        while (kept_bytes_ > limit) {
            auto oldest = ranges_.end();
            for (auto range = ranges_.begin(); range != ranges_.end(); ++range) {
                if (range->lent) continue;
                if (oldest == ranges_.end() || range->freed < oldest->freed) oldest = range;
            }
            size_t size = std::min(oldest->size, (kept_bytes_ - limit + unit - 1) / unit * unit);
            munmap(oldest->data, size);
            kept_bytes_ -= size;
            oldest->data += size;
            oldest->size -= size;
            if (oldest->size == 0) ranges_.erase(oldest);
        }
    }

    c10::Allocator *plain_;
    std::mutex mutex_;
    Ranges ranges_; // by address; free ones never touch
    size_t kept_bytes_ = 0;
    size_t lent_bytes_ = 0;
    size_t most_lent_ = 0;
    size_t limit_ = 0;
    uint64_t returns_ = 0;
};

} // namespace

ct_error ct_set_kept_memory(int64_t limit) {
    return ct::guarded([&] {
        auto &memory = KeptMemory::shared();
        memory.set_limit(limit > 0 ? static_cast<size_t>(limit) : 0);
        // Existing tensors return to their original allocator.
        static std::once_flag installed;
        std::call_once(installed, [&] { c10::SetAllocator(c10::DeviceType::CPU, &memory, 1); });
    });
}

ct_error ct_release_kept_memory(void) {
    return ct::guarded([] {
        KeptMemory::shared().release();
#ifdef __GLIBC__
        // Small blocks that were freed, of the C library's own.
        malloc_trim(0);
#endif
    });
}
