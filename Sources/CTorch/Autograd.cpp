#include "Bridge.hpp"

#include <ATen/autocast_mode.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/edge.h>
#include <torch/csrc/autograd/function.h>
#include <torch/csrc/autograd/functions/utils.h>
#include <torch/csrc/autograd/variable.h>

bool ct_tensor_requires_grad(ct_tensor tensor) {
    return ct::known(false, [&] { return ct::implementation(tensor)->requires_grad(); });
}

ct_error ct_tensor_set_requires_grad(ct_tensor tensor, bool requires_grad) {
    return ct::guarded([&] { ct::borrowed(tensor).requires_grad_(requires_grad); });
}

ct_tensor ct_tensor_grad(ct_tensor tensor) {
    return ct::known<ct_tensor>(nullptr, [&] { return ct::owned(ct::borrowed(tensor).mutable_grad()); });
}

ct_error ct_tensor_set_grad(ct_tensor tensor, ct_tensor grad) {
    return ct::guarded([&] { ct::borrowed(tensor).mutable_grad() = ct::borrowed_or_undefined(grad); });
}

namespace {

torch::autograd::variable_list variables(const ct_tensor *handles, size_t count) {
    torch::autograd::variable_list list;
    list.reserve(count);
    for (size_t i = 0; i < count; ++i) {
        list.push_back(handles == nullptr ? at::Tensor() : ct::borrowed_or_undefined(handles[i]));
    }
    return list;
}

} // namespace

ct_error ct_backward(const ct_tensor *tensors, const ct_tensor *seeds, size_t count, const ct_tensor *inputs,
                     size_t input_count, bool retain_graph, bool create_graph) {
    return ct::guarded([&] {
        torch::autograd::backward(variables(tensors, count), variables(seeds, count), retain_graph, create_graph,
                                  variables(inputs, input_count));
    });
}

ct_error ct_gradients(const ct_tensor *tensors, const ct_tensor *seeds, size_t count, const ct_tensor *inputs,
                      size_t input_count, bool retain_graph, bool create_graph, ct_tensor *gradients) {
    return ct::guarded([&] {
        auto list = torch::autograd::grad(variables(tensors, count), variables(inputs, input_count),
                                          variables(seeds, count), retain_graph, create_graph, true);
        for (size_t i = 0; i < input_count; ++i) gradients[i] = ct::owned(std::move(list[i]));
    });
}

bool ct_grad_mode(void) { return at::GradMode::is_enabled(); }

void ct_set_grad_mode(bool enabled) { at::GradMode::set_enabled(enabled); }

// MARK: - Functions written outside libtorch

namespace {

class OutsideFunction : public torch::autograd::Node {
  public:
    OutsideFunction(std::string name, size_t input_count, ct_backward_callback backward, std::shared_ptr<void> context)
        : name_(std::move(name)), input_count_(input_count), backward_(backward), context_(std::move(context)) {}

    std::string name() const override { return name_; }

    // The engine calls this if the graph is not retained, possibly while another thread's pass is in `apply`.
    void release_variables() override {
        std::shared_ptr<void> released;
        {
            std::lock_guard<std::mutex> lock(mutex_);
            context_.swap(released);
        }
    }

    torch::autograd::variable_list apply(torch::autograd::variable_list &&output_gradients) override {
        // Held until the pass is through; the lock is not, since the pass may run others.
        std::shared_ptr<void> context;
        {
            std::lock_guard<std::mutex> lock(mutex_);
            context = context_;
        }
        TORCH_CHECK(context != nullptr, name_,
                    ": the graph was freed by an earlier backward pass; retain it to run another");
        std::vector<ct_tensor> outputs;
        outputs.reserve(output_gradients.size());
        for (const auto &gradient : output_gradients) {
            outputs.push_back(reinterpret_cast<ct_tensor>(
                gradient.defined() ? gradient.unsafeGetTensorImpl() : nullptr));
        }
        std::vector<ct_tensor> inputs(input_count_, nullptr);
        ct_error error = nullptr;
        {
            // The backward pass itself is not recorded: these functions are differentiable once.
            at::NoGradGuard guard;
            error = backward_(context.get(), outputs.data(), outputs.size(), inputs.data(), inputs.size());
        }
        torch::autograd::variable_list input_gradients;
        input_gradients.reserve(input_count_);
        for (auto handle : inputs) {
            auto *impl = ct::implementation(handle);
            input_gradients.push_back(
                handle == nullptr
                    ? at::Tensor()
                    : at::Tensor(c10::intrusive_ptr<c10::TensorImpl, c10::UndefinedTensorImpl>::reclaim(impl)));
        }
        if (error != nullptr) {
            std::string message(error);
            ct_error_free(error);
            TORCH_CHECK(false, name_, ": ", message);
        }
        return input_gradients;
    }

  private:
    std::string name_;
    size_t input_count_;
    ct_backward_callback backward_;
    std::shared_ptr<void> context_; // guarded by the node's mutex_, as in libtorch's own nodes
};

// Nodes count their references themselves since libtorch 2.12 or 2.13; before, shared pointers did.
template <typename Function, typename... Arguments> auto made_node(Arguments &&...arguments) {
    using torch::autograd::Node;
    if constexpr (std::is_base_of_v<c10::intrusive_ptr_target, Node>) {
        return c10::intrusive_ptr<Node>(c10::make_intrusive<Function>(std::forward<Arguments>(arguments)...));
    } else {
        // Freed step by step, not by recursion through the graph.
        return std::shared_ptr<Node>(new Function(std::forward<Arguments>(arguments)...),
                                     [](auto *node) { deleteNode(node); });
    }
}

} // namespace

ct_error ct_record_function(const char *name, const ct_tensor *inputs, size_t input_count, const ct_tensor *outputs,
                            size_t output_count, ct_backward_callback backward, ct_release release, void *context) {
    std::shared_ptr<void> owner;
    auto error = ct::guarded([&] {
        // Releases the context even if the owner cannot be created.
        owner = std::shared_ptr<void>(context, release);
    });
    if (error != nullptr) return error;
    return ct::guarded([&] {
        auto input_list = variables(inputs, input_count);
        bool recorded = at::GradMode::is_enabled() && torch::autograd::any_variable_requires_grad(input_list);
        if (!recorded) return;
        auto node = made_node<OutsideFunction>(name, input_count, backward, std::move(owner));
        node->set_next_edges(torch::autograd::collect_next_edges(input_list));
        for (size_t i = 0; i < output_count; ++i) {
            auto output = ct::borrowed(outputs[i]);
            TORCH_CHECK(!output.requires_grad(), name, ": an output is already part of a graph; return new tensors");
            // Integer outputs (indices, labels) have no gradients.
            if (at::isFloatingType(output.scalar_type())) {
                torch::autograd::set_history(output, node);
            } else {
                node->add_input_metadata(torch::autograd::Node::undefined_input());
            }
        }
    });
}

// MARK: - Autocast

namespace {
at::DeviceType device_type(int32_t type) { return static_cast<at::DeviceType>(type); }
} // namespace

bool ct_autocast_enabled(int32_t type) {
    return ct::known(false, [&] { return at::autocast::is_autocast_enabled(device_type(type)); });
}

ct_error ct_set_autocast_enabled(int32_t type, bool enabled) {
    return ct::guarded([&] { at::autocast::set_autocast_enabled(device_type(type), enabled); });
}

ct_error ct_autocast_dtype(int32_t type, int32_t *dtype) {
    return ct::guarded(
        [&] { *dtype = static_cast<int32_t>(at::autocast::get_autocast_dtype(device_type(type))); });
}

ct_error ct_set_autocast_dtype(int32_t type, int32_t dtype) {
    return ct::guarded(
        [&] { at::autocast::set_autocast_dtype(device_type(type), static_cast<at::ScalarType>(dtype)); });
}

void ct_autocast_enter(void) {
    ct_error_free(ct::guarded([] { at::autocast::increment_nesting(); }));
}

void ct_autocast_leave(void) {
    ct_error_free(ct::guarded([] {
        if (at::autocast::decrement_nesting() == 0) at::autocast::clear_cache();
    }));
}
