#include "ops/activation_fields.h"

#include "base/error.h"

namespace hone {
namespace {

/// The field `name` of an attribute struct, or null.
const FieldInfo* field_named(const AttrType& type, std::string_view name) {
  for (const FieldInfo& field : type.fields) {
    if (field.name == name && field.kind == AttrKind::kFloat) return &field;
  }
  return nullptr;
}

}  // namespace

std::optional<Bounds> activation_of(const Node& node) {
  const FieldInfo* min = field_named(node.attrs.type(), "act_min");
  const FieldInfo* max = field_named(node.attrs.type(), "act_max");
  if (!min || !max) return std::nullopt;
  void* attrs = const_cast<void*>(node.attrs.value());
  return Bounds{*static_cast<const float*>(min->address(attrs)), *static_cast<const float*>(max->address(attrs))};
}

Attrs with_activation(const Node& node, const Bounds& bounds) {
  const AttrType& type = node.attrs.type();
  const FieldInfo* min = field_named(type, "act_min");
  const FieldInfo* max = field_named(type, "act_max");
  if (!min || !max) throw internal_error("operator without a fused activation");
  std::shared_ptr<void> attrs = type.clone(node.attrs.value());
  *static_cast<float*>(min->address(attrs.get())) = bounds.min;
  *static_cast<float*>(max->address(attrs.get())) = bounds.max;
  return Attrs(type, std::move(attrs));
}

}  // namespace hone
