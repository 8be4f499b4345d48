#include "Bridge.hpp"

#include <c10/core/CPUAllocator.h>
#include <list>
#include <mutex>
#include <unordered_map>

namespace {

// Main memory for tensors. Large blocks are kept when tensors go, and given to the next ones of about the same size:
// the pages of fresh memory cost more than most of what is computed in them, and the C library returns large blocks to
// the system at once.
class KeptMemory final : public c10::Allocator {
  public:
    explicit KeptMemory(c10::Allocator *plain) : plain_(plain) {}

    c10::DataPtr allocate(size_t count) override {
        if (count < smallest) return plain_->allocate(count);
        size_t capacity = rounded(count);
        void *data = taken(capacity);
        if (data == nullptr) data = fresh(capacity);
        {
            std::lock_guard lock(mutex_);
            lent_.emplace(data, capacity);
        }
        return {data, data, &release, c10::Device(c10::DeviceType::CPU)};
    }

    c10::DeleterFnPtr raw_deleter() const override { return &release; }

    void copy_data(void *target, const void *source, size_t count) const override {
        default_copy_data(target, source, count);
    }

    void set_limit(size_t limit) {
        {
            std::lock_guard lock(mutex_);
            limit_ = limit;
        }
        shrink(limit);
    }

    static KeptMemory &shared() {
        // Never destroyed: tensors outlive static objects.
        static auto *memory = new KeptMemory(c10::GetDefaultCPUAllocator());
        return *memory;
    }

  private:
    struct Block {
        void *data;
        size_t capacity;
    };

    static constexpr size_t smallest = 1 << 20;

    // Eight sizes for each power of two. What is not asked for is never touched, hence takes no memory.
    static size_t rounded(size_t count) {
        size_t step = smallest >> 3;
        while (step << 4 <= count) step <<= 1;
        return (count + step - 1) / step * step;
    }

    void *fresh(size_t capacity) {
        try {
            return plain_->raw_allocate(capacity);
        } catch (const c10::Error &) {
            // Perhaps it is enough without the kept blocks.
            shrink(0);
            return plain_->raw_allocate(capacity);
        }
    }

    // The smallest block that is large enough and not much too large; of equal ones that which was in use last, for it is
    // most likely still in the processor's caches.
    void *taken(size_t &capacity) {
        std::lock_guard lock(mutex_);
        auto best = kept_.end();
        for (auto block = kept_.begin(); block != kept_.end(); ++block) {
            if (block->capacity < capacity || block->capacity > 2 * capacity) continue;
            if (best == kept_.end() || block->capacity < best->capacity) best = block;
        }
        if (best == kept_.end()) return nullptr;
        void *data = best->data;
        capacity = best->capacity;
        kept_bytes_ -= capacity;
        kept_.erase(best);
        return data;
    }

    static void release(void *data) { shared().keep(data); }

    void keep(void *data) {
        size_t limit = 0;
        {
            std::lock_guard lock(mutex_);
            auto lent = lent_.find(data);
            if (lent == lent_.end()) return plain_->raw_deleter()(data);
            kept_.push_front({data, lent->second});
            kept_bytes_ += lent->second;
            lent_.erase(lent);
            limit = limit_;
        }
        shrink(limit);
    }

    // Frees what was not in use for the longest time, until no more than `limit` bytes are kept.
    void shrink(size_t limit) {
        std::list<Block> freed;
        {
            std::lock_guard lock(mutex_);
            while (kept_bytes_ > limit) {
                kept_bytes_ -= kept_.back().capacity;
                freed.splice(freed.begin(), kept_, std::prev(kept_.end()));
            }
        }
        for (const auto &block : freed) plain_->raw_deleter()(block.data);
    }

    c10::Allocator *plain_;
    std::mutex mutex_;
    std::unordered_map<void *, size_t> lent_;
    std::list<Block> kept_; // the last one in use first
    size_t kept_bytes_ = 0;
    size_t limit_ = size_t(1) << 30;
};

// Before any tensor is made.
[[maybe_unused]] const bool installed = [] {
    c10::SetAllocator(c10::DeviceType::CPU, &KeptMemory::shared(), 1);
    return true;
}();

} // namespace

void ct_set_kept_memory(int64_t limit) { KeptMemory::shared().set_limit(limit > 0 ? static_cast<size_t>(limit) : 0); }
