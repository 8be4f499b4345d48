// libtorch is built without its checks; with them, its functions' records would have another layout here.
#ifndef NDEBUG
#define NDEBUG
#endif

#include "yardsticks.h"

#include <ATen/core/Tensor.h>
#include <ATen/record_function.h>
#include <cstring>
#include <map>
#include <mutex>
#include <string>

namespace {

std::mutex mutex;
std::map<std::string, double> *totals = nullptr;
at::CallbackHandle handle = 0;

std::string joined(at::IntArrayRef sizes) {
    std::string text;
    for (auto size : sizes) text += (text.empty() ? "" : " x ") + std::to_string(size);
    return text;
}

void add(const std::string &layer, double operations) {
    std::lock_guard lock(mutex);
    (*totals)[layer] += operations;
}

// A matrix product, or a batch of them.
void add_product(const at::Tensor &left, const at::Tensor &right) {
    add("product " + joined(left.sizes()) + " by " + std::to_string(right.size(-1)),
        2.0 * left.numel() * right.size(-1));
}

// Every element of the smaller side of a convolution takes part in as many products as a row of the weight has
// elements.
double of_convolution(const at::Tensor &weight, double elements) {
    return 2.0 * elements * (weight.numel() / weight.size(0));
}

double output_elements(c10::ArrayRef<const c10::IValue> in) {
    const auto &input = in[0].toTensor(), &weight = in[1].toTensor();
    auto stride = in[3].toIntVector(), padding = in[4].toIntVector(), dilation = in[5].toIntVector();
    double count = static_cast<double>(input.size(0) * weight.size(0));
    for (size_t i = 0; i < stride.size(); ++i) {
        int64_t axis = static_cast<int64_t>(i) + 2;
        count *= static_cast<double>(
            (input.size(axis) + 2 * padding[i] - dilation[i] * (weight.size(axis) - 1) - 1) / stride[i] + 1);
    }
    return count;
}

void count(const at::RecordFunction &function) {
    auto in = function.inputs();
    const char *name = function.name();
    auto is = [&](const char *other) { return std::strcmp(name, other) == 0; };
    if (is("aten::mm") || is("aten::bmm")) {
        add_product(in[0].toTensor(), in[1].toTensor());
    } else if (is("aten::addmm") || is("aten::baddbmm")) {
        add_product(in[1].toTensor(), in[2].toTensor());
    } else if (is("aten::convolution")) {
        const auto &input = in[0].toTensor(), &weight = in[1].toTensor();
        double elements = in[6].toBool() ? static_cast<double>(input.numel()) : output_elements(in);
        add("convolution " + joined(weight.sizes()), of_convolution(weight, elements));
    } else if (is("aten::convolution_backward")) {
        const auto &gradient = in[0].toTensor(), &input = in[1].toTensor(), &weight = in[2].toTensor();
        double operations = of_convolution(weight, static_cast<double>((in[7].toBool() ? input : gradient).numel()));
        auto wanted = in[10].toBoolList();
        if (wanted[0]) add("gradient of the input of convolution " + joined(weight.sizes()), operations);
        if (wanted[1]) add("gradient of the weight of convolution " + joined(weight.sizes()), operations);
    } else if (is("aten::_scaled_dot_product_flash_attention_for_cpu")) {
        const auto &query = in[0].toTensor(), &key = in[1].toTensor();
        add("attention", 4.0 * query.numel() * key.size(-2));
    }
}

} // namespace

void yardstick_count_operations(void) {
    totals = new std::map<std::string, double>;
    handle = at::addGlobalCallback(at::RecordFunctionCallback([](const at::RecordFunction &function) {
                                       count(function);
                                       return std::unique_ptr<at::ObserverContext>();
                                   })
                                       .needsInputs(true)
                                       .scopes({at::RecordScope::FUNCTION}));
}

void yardstick_operations(void (*found)(const char *layer, double operations, void *context), void *context) {
    at::removeCallback(handle);
    for (const auto &[layer, operations] : *totals) found(layer.c_str(), operations, context);
    delete totals;
}
