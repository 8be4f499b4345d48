// Several processes that compute together: c10d's TCPStore, where they meet, and its ProcessGroupGloo.
#define USE_C10D_GLOO

#include "Bridge.hpp"

#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include <arpa/inet.h>
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

struct ct_store_impl {
    c10::intrusive_ptr<c10d::Store> store;
};

struct ct_group_impl {
    c10::intrusive_ptr<c10d::ProcessGroupGloo> gloo;
};

struct ct_work_impl {
    c10::intrusive_ptr<c10d::Work> work;
    // What the work reads and writes lives as long as it.
    std::vector<at::Tensor> tensors;
    std::vector<std::vector<at::Tensor>> outputs;
};

namespace {

std::chrono::milliseconds milliseconds(double seconds) {
    return std::chrono::milliseconds(static_cast<int64_t>(seconds * 1000));
}

// The own address on the way to a host; empty if there is none. The host's name may stand for another interface.
std::string own_address(const std::string &host, uint16_t port) {
    addrinfo hints{}, *found = nullptr;
    hints.ai_socktype = SOCK_DGRAM;
    if (getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found) != 0) return "";
    std::string address;
    for (auto *entry = found; entry != nullptr && address.empty(); entry = entry->ai_next) {
        // Nothing is sent: connecting a datagram socket only looks for the way.
        int descriptor = socket(entry->ai_family, SOCK_DGRAM, 0);
        if (descriptor < 0) continue;
        sockaddr_storage own{};
        socklen_t length = sizeof(own);
        char text[NI_MAXHOST];
        if (connect(descriptor, entry->ai_addr, entry->ai_addrlen) == 0 &&
            getsockname(descriptor, reinterpret_cast<sockaddr *>(&own), &length) == 0 &&
            getnameinfo(reinterpret_cast<sockaddr *>(&own), length, text, sizeof(text), nullptr, 0, NI_NUMERICHOST) ==
                0) {
            address = text;
        }
        close(descriptor);
    }
    freeaddrinfo(found);
    return address;
}

template <typename Start>
ct_error started(ct_work *result, std::vector<at::Tensor> tensors, std::vector<std::vector<at::Tensor>> outputs,
                 const Start &start) {
    return ct::guarded([&] {
        auto work = std::make_unique<ct_work_impl>();
        work->tensors = std::move(tensors);
        work->outputs = std::move(outputs);
        work->work = start(*work);
        *result = work.release();
    });
}

} // namespace

ct_error ct_store_create(const char *host, uint16_t port, bool is_server, double seconds, ct_store *result) {
    return ct::guarded([&] {
        c10d::TCPStoreOptions options;
        options.port = port;
        options.isServer = is_server;
        options.waitWorkers = false;
        options.timeout = milliseconds(seconds);
        *result = new ct_store_impl{c10::make_intrusive<c10d::TCPStore>(host, options)};
    });
}

void ct_store_release(ct_store store) {
    ct_error_free(ct::guarded([&] { delete store; }));
}

ct_error ct_store_set(ct_store store, const char *key, const char *value) {
    return ct::guarded([&] { store->store->set(std::string(key), std::string(value)); });
}

ct_error ct_store_get(ct_store store, const char *key, char **value) {
    return ct::guarded([&] {
        *value = nullptr;
        if (!store->store->check({std::string(key)})) return;
        auto bytes = store->store->get(std::string(key));
        *value = ct::copied(std::string(bytes.begin(), bytes.end()));
    });
}

ct_error ct_group_create(ct_store store, const char *name, const char *host, uint16_t port, int32_t rank, int32_t size,
                         double seconds, ct_group *result) {
    return ct::guarded([&] {
        auto options = c10d::ProcessGroupGloo::Options::create(milliseconds(seconds));
        if (const char *interface = std::getenv("GLOO_SOCKET_IFNAME")) {
            options->devices.push_back(c10d::ProcessGroupGloo::createDeviceForInterface(interface));
        } else {
            auto address = own_address(host, port);
            options->devices.push_back(address.empty()
                                           ? c10d::ProcessGroupGloo::createDefaultDevice()
                                           : c10d::ProcessGroupGloo::createDeviceForHostname(address));
        }
        auto prefixed = c10::make_intrusive<c10d::PrefixStore>(name, store->store);
        *result = new ct_group_impl{
            c10::make_intrusive<c10d::ProcessGroupGloo>(std::move(prefixed), rank, size, std::move(options))};
    });
}

void ct_group_release(ct_group group) {
    ct_error_free(ct::guarded([&] { delete group; }));
}

ct_error ct_group_all_reduce(ct_group group, ct_tensor tensor, int32_t operation, ct_work *result) {
    return started(result, {ct::borrowed(tensor)}, {}, [&](ct_work_impl &work) {
        c10d::AllreduceOptions options;
        options.reduceOp = operation == 0   ? c10d::ReduceOp::SUM
                           : operation == 1 ? c10d::ReduceOp::MAX
                                            : c10d::ReduceOp::MIN;
        return group->gloo->allreduce(work.tensors, options);
    });
}

ct_error ct_group_broadcast(ct_group group, ct_tensor tensor, int32_t root, ct_work *result) {
    return started(result, {ct::borrowed(tensor)}, {}, [&](ct_work_impl &work) {
        c10d::BroadcastOptions options;
        options.rootRank = root;
        return group->gloo->broadcast(work.tensors, options);
    });
}

ct_error ct_group_all_gather(ct_group group, ct_tensor tensor, const ct_tensor *outputs, size_t count,
                             ct_work *result) {
    std::vector<at::Tensor> list;
    for (size_t i = 0; i < count; ++i) list.push_back(ct::borrowed(outputs[i]));
    return started(result, {ct::borrowed(tensor)}, {list}, [&](ct_work_impl &work) {
        return group->gloo->allgather(work.outputs, work.tensors, c10d::AllgatherOptions());
    });
}

ct_error ct_group_barrier(ct_group group, ct_work *result) {
    return started(result, {}, {}, [&](ct_work_impl &) { return group->gloo->barrier(c10d::BarrierOptions()); });
}

ct_error ct_work_wait(ct_work work) {
    return ct::guarded([&] { work->work->wait(); });
}

void ct_work_release(ct_work work) {
    ct_error_free(ct::guarded([&] { delete work; }));
}
