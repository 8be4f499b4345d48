#include "Bridge.hpp"

#include <algorithm>
#include <c10/core/CPUAllocator.h>
#include <list>
#include <mutex>
#include <sys/mman.h>
#include <unordered_map>
#ifdef __GLIBC__
#include <malloc.h>
#endif

namespace {

// Main memory for tensors. Large blocks are kept when tensors are freed and reused for tensors of about the same size:
// page faults of fresh memory cost more than most computations in it, and the C library returns large blocks to the
// system immediately. Kept and lent blocks together are little more than were once lent at the same time.
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
                unmap(block.front());
                throw;
            }
            lent_bytes_ += block.front().capacity;
            most_lent_ = std::max(most_lent_, lent_bytes_);
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

    void release() { shrink(0); }

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
    // How much larger the blocks may make the process than the lent ones were at most. Without it a training step in
    // bfloat16 takes a tenth longer: blocks of a size that is not asked for next are freed, and come again.
    static constexpr size_t slack = 128 << 20;

    // Eight sizes per power of two. Unrequested memory is never touched, hence takes none.
    static size_t rounded(size_t count) {
        size_t step = smallest >> 3;
        while (step << 4 <= count) step <<= 1;
        return (count + step - 1) / step * step;
    }

    // Memory of its own for each block, not the C library's: what is freed goes back to the system whatever lies beside it.
    static void *mapped(size_t capacity) {
        void *data = mmap(nullptr, capacity, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        return data == MAP_FAILED ? nullptr : data;
    }

    static void unmap(const Block &block) noexcept { munmap(block.data, block.capacity); }

    void *fresh(size_t capacity) {
        size_t spare = 0;
        {
            std::lock_guard lock(mutex_);
            size_t lent = lent_bytes_ + capacity;
            spare = std::max(most_lent_, lent) + slack - lent;
        }
        shrink(spare);
        void *data = mapped(capacity);
        if (data == nullptr) {
            // Freeing the kept blocks may suffice.
            shrink(0);
            data = mapped(capacity);
        }
        TORCH_CHECK(data != nullptr, "not enough memory: you tried to allocate ", capacity, " bytes");
        return data;
    }

    // A list of one block: the smallest kept block that is large enough and not much too large; among equal ones the
    // most recently used, which is most likely still in the processor's caches.
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

    // Moves the block between lists: tensors are freed where nothing may throw, so nothing is allocated here.
    void keep(void *data) noexcept {
        size_t limit = 0;
        {
            std::lock_guard lock(mutex_);
            auto place = places_.find(data);
            if (place == places_.end()) return plain_->raw_deleter()(data);
            kept_bytes_ += place->second->capacity;
            lent_bytes_ -= place->second->capacity;
            kept_.splice(kept_.begin(), lent_, place->second);
            places_.erase(place);
            limit = std::min(limit_, most_lent_ + slack - lent_bytes_);
        }
        shrink(limit);
    }

    // Frees the least recently used blocks until at most `limit` bytes are kept.
    void shrink(size_t limit) noexcept {
        std::list<Block> freed;
        {
            std::lock_guard lock(mutex_);
            while (kept_bytes_ > limit) {
                kept_bytes_ -= kept_.back().capacity;
                freed.splice(freed.begin(), kept_, std::prev(kept_.end()));
            }
        }
        for (const auto &block : freed) unmap(block);
    }

    c10::Allocator *plain_;
    std::mutex mutex_;
    std::list<Block> lent_;
    std::unordered_map<void *, std::list<Block>::iterator> places_; // of lent blocks
    std::list<Block> kept_; // most recently used first
    size_t kept_bytes_ = 0;
    size_t lent_bytes_ = 0;
    size_t most_lent_ = 0;
    size_t limit_ = 0;
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
