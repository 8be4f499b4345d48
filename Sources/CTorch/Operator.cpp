#include "Bridge.hpp"

#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/jit_type.h>
#include <deque>
#include <vector>

namespace {

// The values that an argument of a schema accepts, computed once, so that calls need not inspect types.
struct Parameter {
    c10::TypeKind kind;
    c10::TypeKind element = c10::TypeKind::NoneType; // of a list
    bool elements_are_optional = false;
    bool is_optional = false;
    int32_t repeated = 0; // int[2]: a single number is repeated this many times
};

c10::TypeKind plain(c10::TypeKind kind) {
    // Symbolic sizes accept plain integers; dtype, layout and memory format are integers in a boxed call.
    switch (kind) {
    case c10::TypeKind::SymIntType:
    case c10::TypeKind::ScalarTypeType:
    case c10::TypeKind::LayoutType:
    case c10::TypeKind::MemoryFormatType:
        return c10::TypeKind::IntType;
    default:
        return kind;
    }
}

Parameter described(const c10::Argument &argument) {
    Parameter parameter{};
    auto type = argument.type();
    if (type->kind() == c10::TypeKind::OptionalType) {
        parameter.is_optional = true;
        type = type->castRaw<c10::OptionalType>()->getElementType();
    }
    parameter.kind = plain(type->kind());
    if (parameter.kind == c10::TypeKind::ListType) {
        auto element = type->castRaw<c10::ListType>()->getElementType();
        if (element->kind() == c10::TypeKind::OptionalType) {
            parameter.elements_are_optional = true;
            element = element->castRaw<c10::OptionalType>()->getElementType();
        }
        parameter.element = plain(element->kind());
        parameter.repeated = argument.N().value_or(0);
    }
    return parameter;
}

const char *name(ct_tag tag) {
    switch (tag) {
    case CT_NONE: return "nothing";
    case CT_TENSOR: return "a tensor";
    case CT_TENSORS: return "a list of tensors";
    case CT_OPTIONAL_TENSORS: return "a list of optional tensors";
    case CT_INTEGER: return "an integer";
    case CT_INTEGERS: return "a list of integers";
    case CT_REAL: return "a real number";
    case CT_REALS: return "a list of real numbers";
    case CT_BOOL: return "a Boolean";
    case CT_BOOLS: return "a list of Booleans";
    case CT_STRING: return "a string";
    case CT_DEVICE: return "a device";
    case CT_GENERATOR: return "a generator";
    }
    return "an unknown value";
}

using Stack = std::vector<c10::IValue>;

// Stacks are reused between calls, one per nesting depth (a backward pass written in Swift calls operators during its
// own call).
class StackLease {
  public:
    StackLease() : stack_(leased()) {}
    ~StackLease() {
        stack_.clear();
        --depth();
    }
    StackLease(const StackLease &) = delete;
    StackLease &operator=(const StackLease &) = delete;
    Stack &operator*() { return stack_; }

  private:
    static size_t &depth() {
        thread_local size_t depth = 0;
        return depth;
    }
    static Stack &leased() {
        thread_local std::deque<Stack> stacks;
        if (stacks.size() <= depth()) {
            stacks.emplace_back().reserve(16);
        }
        return stacks[depth()++];
    }
    Stack &stack_;
};

} // namespace

struct ct_operator_impl {
    c10::OperatorHandle handle;
    std::vector<Parameter> parameters;

    [[noreturn]] void refuse(size_t index, const ct_value &value) const {
        const auto &argument = handle.schema().arguments()[index];
        TORCH_CHECK(false, "argument '", argument.name(), "' must be ", argument.type()->str(), ", not ",
                    name(value.tag));
    }

    c10::IValue converted(const ct_value &value, size_t index) const {
        using Kind = c10::TypeKind;
        const auto &parameter = parameters[index];
        switch (value.tag) {
        case CT_NONE:
            if (parameter.is_optional) return c10::IValue();
            break;
        case CT_TENSOR:
            if (parameter.kind == Kind::TensorType) return c10::IValue(ct::borrowed(value.tensor));
            break;
        case CT_TENSORS:
        case CT_OPTIONAL_TENSORS:
            if (parameter.element == Kind::TensorType) {
                if (parameter.elements_are_optional) {
                    c10::List<std::optional<at::Tensor>> list;
                    list.reserve(value.count);
                    for (int64_t i = 0; i < value.count; ++i) {
                        auto handle = value.tensors[i];
                        list.push_back(handle ? std::optional<at::Tensor>(ct::borrowed(handle)) : std::nullopt);
                    }
                    return c10::IValue(std::move(list));
                }
                c10::List<at::Tensor> list;
                list.reserve(value.count);
                for (int64_t i = 0; i < value.count; ++i) {
                    if (value.tensors[i] == nullptr) refuse(index, value);
                    list.push_back(ct::borrowed(value.tensors[i]));
                }
                return c10::IValue(std::move(list));
            }
            break;
        case CT_INTEGER:
            if (parameter.kind == Kind::IntType || parameter.kind == Kind::NumberType)
                return c10::IValue(value.integer);
            if (parameter.kind == Kind::FloatType) return c10::IValue(static_cast<double>(value.integer));
            if (parameter.kind == Kind::ListType && parameter.element == Kind::IntType && parameter.repeated > 0)
                return c10::IValue(std::vector<int64_t>(parameter.repeated, value.integer));
            break;
        case CT_INTEGERS:
            if (parameter.element == Kind::IntType)
                return c10::IValue(at::IntArrayRef(value.integers, value.count));
            if (parameter.element == Kind::FloatType) {
                std::vector<double> reals(value.integers, value.integers + value.count);
                return c10::IValue(std::move(reals));
            }
            break;
        case CT_REAL:
            if (parameter.kind == Kind::FloatType || parameter.kind == Kind::NumberType)
                return c10::IValue(value.real);
            break;
        case CT_REALS:
            if (parameter.element == Kind::FloatType)
                return c10::IValue(std::vector<double>(value.reals, value.reals + value.count));
            if (parameter.element == Kind::NumberType && parameter.elements_are_optional) {
                c10::List<std::optional<at::Scalar>> list;
                for (int64_t i = 0; i < value.count; ++i) list.push_back(at::Scalar(value.reals[i]));
                return c10::IValue(std::move(list));
            }
            break;
        case CT_BOOL:
            if (parameter.kind == Kind::BoolType || parameter.kind == Kind::NumberType)
                return c10::IValue(value.boolean);
            break;
        case CT_BOOLS:
            if (parameter.element == Kind::BoolType) {
                c10::List<bool> list;
                list.reserve(value.count);
                for (int64_t i = 0; i < value.count; ++i) list.push_back(value.booleans[i]);
                return c10::IValue(std::move(list));
            }
            break;
        case CT_STRING:
            if (parameter.kind == Kind::StringType) return c10::IValue(std::string(value.string, value.count));
            break;
        case CT_DEVICE:
            TORCH_CHECK(value.device.type >= 0, "this kind of device is not supported");
            if (parameter.kind == Kind::DeviceObjType)
                return c10::IValue(c10::Device(static_cast<c10::DeviceType>(value.device.type),
                                               static_cast<c10::DeviceIndex>(value.device.index)));
            break;
        case CT_GENERATOR:
            if (parameter.kind == Kind::GeneratorType) return c10::IValue(ct::generator(value.generator));
            break;
        }
        refuse(index, value);
    }
};

namespace {

template <typename Source, typename Target, typename Convert>
Target *list(const Source &source, const Convert &convert) {
    auto *values = static_cast<Target *>(std::malloc(sizeof(Target) * (source.size() + 1)));
    TORCH_CHECK(values != nullptr, "out of memory");
    size_t i = 0;
    for (auto &&element : source) values[i++] = convert(element);
    return values;
}

ct_value result(c10::IValue &&value) {
    ct_value result{};
    if (value.isTensor()) {
        result.tag = CT_TENSOR;
        result.tensor = ct::owned(std::move(value).toTensor());
        if (result.tensor == nullptr) result.tag = CT_NONE;
    } else if (value.isNone()) {
        result.tag = CT_NONE;
    } else if (value.isInt() || value.isSymInt()) {
        result.tag = CT_INTEGER;
        result.integer = value.isInt() ? value.toInt() : value.toSymInt().guard_int(__FILE__, __LINE__);
    } else if (value.isDouble()) {
        result.tag = CT_REAL;
        result.real = value.toDouble();
    } else if (value.isBool()) {
        result.tag = CT_BOOL;
        result.boolean = value.toBool();
    } else if (value.isTensorList()) {
        auto tensors = value.toTensorVector();
        for (const auto &tensor : tensors) ct::require_shape(tensor);
        result.tag = CT_TENSORS;
        result.count = static_cast<int64_t>(tensors.size());
        result.tensors = list<std::vector<at::Tensor>, ct_tensor>(
            tensors, [](const at::Tensor &tensor) { return ct::owned(tensor); });
    } else if (value.isIntList()) {
        auto integers = value.toIntVector();
        result.tag = CT_INTEGERS;
        result.count = static_cast<int64_t>(integers.size());
        result.integers = list<std::vector<int64_t>, int64_t>(integers, [](int64_t v) { return v; });
    } else if (value.isDoubleList()) {
        auto reals = value.toDoubleVector();
        result.tag = CT_REALS;
        result.count = static_cast<int64_t>(reals.size());
        result.reals = list<std::vector<double>, double>(reals, [](double v) { return v; });
    } else if (value.isBoolList()) {
        auto booleans = value.toBoolList();
        result.tag = CT_BOOLS;
        result.count = static_cast<int64_t>(booleans.size());
        result.booleans = list<c10::List<bool>, bool>(booleans, [](bool v) { return v; });
    } else if (value.isString()) {
        const auto &text = value.toStringRef();
        result.tag = CT_STRING;
        result.count = static_cast<int64_t>(text.size());
        result.string = ct::copied(text);
    } else if (value.isDevice()) {
        auto device = value.toDevice();
        result.tag = CT_DEVICE;
        result.device = {static_cast<int32_t>(device.type()), device.index()};
    } else if (value.isGenerator()) {
        result.tag = CT_GENERATOR;
        result.generator = reinterpret_cast<ct_generator>(value.toGenerator().unsafeReleaseGeneratorImpl());
    } else {
        TORCH_CHECK(false, "a result of type ", value.type()->str(), " cannot be converted");
    }
    return result;
}

} // namespace

void ct_value_release(ct_value *value) {
    switch (value->tag) {
    case CT_TENSOR:
        ct_tensor_release(value->tensor);
        break;
    case CT_TENSORS:
    case CT_OPTIONAL_TENSORS:
        for (int64_t i = 0; i < value->count; ++i) {
            if (value->tensors[i] != nullptr) ct_tensor_release(value->tensors[i]);
        }
        std::free(const_cast<ct_tensor *>(value->tensors));
        break;
    case CT_INTEGERS:
        std::free(const_cast<int64_t *>(value->integers));
        break;
    case CT_REALS:
        std::free(const_cast<double *>(value->reals));
        break;
    case CT_BOOLS:
        std::free(const_cast<bool *>(value->booleans));
        break;
    case CT_STRING:
        std::free(const_cast<char *>(value->string));
        break;
    case CT_GENERATOR:
        ct_generator_release(value->generator);
        break;
    default:
        break;
    }
    value->tag = CT_NONE;
}

ct_error ct_operator_find(const char *name, const char *overload, ct_operator *found) {
    return ct::guarded([&] {
        auto handle = c10::Dispatcher::singleton().findSchema({name, overload});
        TORCH_CHECK(handle.has_value(), "libtorch has no operator of this name and overload");
        std::vector<Parameter> parameters;
        for (const auto &argument : handle->schema().arguments()) parameters.push_back(described(argument));
        *found = new ct_operator_impl{*handle, std::move(parameters)};
    });
}

char *ct_operator_schema(ct_operator op) {
    char *text = nullptr;
    ct_error_free(ct::guarded([&] { text = ct::copied(c10::toString(op->handle.schema())); }));
    return text;
}

ct_error ct_operator_call(ct_operator op, const ct_value *arguments, size_t argument_count, ct_value *results,
                          size_t capacity, size_t *result_count) {
    return ct::guarded([&] {
        const auto &schema = op->handle.schema().arguments();
        TORCH_CHECK(argument_count <= schema.size(), "takes ", schema.size(), " arguments, not ", argument_count);
        StackLease lease;
        auto &stack = *lease;
        for (size_t i = 0; i < argument_count; ++i) {
            stack.push_back(op->converted(arguments[i], i));
        }
        for (size_t i = argument_count; i < schema.size(); ++i) {
            const auto &value = schema[i].default_value();
            TORCH_CHECK(value.has_value(), "argument '", schema[i].name(), "' is missing");
            stack.push_back(*value);
        }
        op->handle.callBoxed(&stack);
        TORCH_CHECK(stack.size() <= capacity, "returns ", stack.size(), " values, more than the capacity of ", capacity);
        size_t count = 0;
        try {
            for (; count < stack.size(); ++count) results[count] = result(std::move(stack[count]));
        } catch (...) {
            while (count > 0) ct_value_release(&results[--count]);
            throw;
        }
        *result_count = count;
    });
}
