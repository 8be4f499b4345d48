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
        std::list<Block> block = taken(rounded(count));
        void *data = block.front().data;
        {
            std::lock_guard lock(mutex_);
            try {
                places_.emplace(data, block.begin());
            } catch (...) {
                plain_->raw_deleter()(data);
                throw;
            }
            lent_.splice(lent_.begin(), block);
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

    // A list of one block. Of the kept ones the smallest that is large enough and not much too large; of equal ones that
    // which was in use last, for it is most likely still in the processor's caches.
    std::list<Block> taken(size_t capacity) {
        std::list<Block> taken;
        {
            std::lock_guard lock(mutex_);
            auto best = kept_.end();
            for (auto block = kept_.begin(); block != kept_.end(); ++block) {
                if (block->capacity < capacity || block->capacity > 2 * capacity) continue;
                if (best == kept_.end() || block->capacity < best->capacity) best = block;
            }
            if (best != kept_.end()) {
                kept_bytes_ -= best->capacity;
                taken.splice(taken.begin(), kept_, best);
                return taken;
            }
        }
        taken.push_back({nullptr, capacity});
        taken.front().data = fresh(capacity);
        return taken;
    }

    static void release(void *data) noexcept { shared().keep(data); }

    // Moves the block from list to list: tensors go where nothing may be thrown, so nothing is allocated here.
    void keep(void *data) noexcept {
        size_t limit = 0;
        {
            std::lock_guard lock(mutex_);
            auto place = places_.find(data);
            if (place == places_.end()) return plain_->raw_deleter()(data);
            kept_bytes_ += place->second->capacity;
            kept_.splice(kept_.begin(), lent_, place->second);
            places_.erase(place);
            limit = limit_;
        }
        shrink(limit);
    }

    // Frees what was not in use for the longest time, until no more than `limit` bytes are kept.
    void shrink(size_t limit) noexcept {
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
    std::list<Block> lent_;
    std::unordered_map<void *, std::list<Block>::iterator> places_; // of lent blocks
    std::list<Block> kept_; // the last one in use first
    size_t kept_bytes_ = 0;
    size_t limit_ = 0;
};

} // namespace

ct_error ct_set_kept_memory(int64_t limit) {
    return ct::guarded([&] {
        auto &memory = KeptMemory::shared();
        memory.set_limit(limit > 0 ? static_cast<size_t>(limit) : 0);
        // Tensors that are there already go back to where they came from.
        static std::once_flag installed;
        std::call_once(installed, [&] { c10::SetAllocator(c10::DeviceType::CPU, &memory, 1); });
    });
}
