#include "formats/onnx/rows.h"

#include "base/text.h"

namespace hone::onnx {

namespace {

constexpr std::span<const Row> (*kTables[])() = {
    elementwise_rows, movement_rows, shaping_rows,   reduce_rows,  spatial_rows, resize_rows,   matrix_rows,
    norm_rows,        quantize_rows, recurrent_rows, control_rows, misc_rows,    attention_rows};

/// Sets a field from the attribute of the same name.
void read_field(NodeReader& r, const FieldInfo& field, void* at) {
  switch (field.kind) {
    case AttrKind::kInt:
      *static_cast<int64_t*>(at) = r.attr_int(field.name, 0);
      break;
    case AttrKind::kBool:
      *static_cast<bool*>(at) = r.attr_bool(field.name, false);
      break;
    case AttrKind::kFloat:
      *static_cast<float*>(at) = r.attr_float(field.name, 0);
      break;
    case AttrKind::kString:
      *static_cast<std::string*>(at) = r.attr_string(field.name, "");
      break;
    case AttrKind::kInts:
      *static_cast<std::vector<int64_t>*>(at) = r.attr_ints(field.name);
      break;
    case AttrKind::kFloats:
      *static_cast<std::vector<float>*>(at) = r.attr_floats(field.name);
      break;
    case AttrKind::kStrings:
      *static_cast<std::vector<std::string>*>(at) = r.attr_strings(field.name);
      break;
    case AttrKind::kDType:
      *static_cast<DType*>(at) = r.attr_dtype(field.name, DType::kF32);
      break;
    case AttrKind::kTensor:
      *static_cast<Tensor*>(at) = r.attr_tensor(field.name);
      break;
    case AttrKind::kEnum: {
      const std::string name = r.attr_string(field.name, "");
      for (size_t i = 0; i < field.enum_names.size(); ++i) {
        if (field.enum_names[i] != name) continue;
        *static_cast<int*>(at) = static_cast<int>(i);
        return;
      }
      throw unsupported(cat("onnx: attribute ", field.name, " is '", name, "'"));
    }
  }
}

}  // namespace

void read_fields(NodeReader& r, const AttrType& type, void* op) {
  for (const FieldInfo& field : type.fields)
    if (r.has_attr(field.name)) read_field(r, field, field.address(op));
}

const Row* find_reader(std::string_view op, int64_t opset) {
  for (const auto table : kTables)
    for (const Row& row : table())
      if (row.read && row.op == op && row.first <= opset && opset <= row.last) return &row;
  return nullptr;
}

const Row* find_microsoft_reader(std::string_view op) {
  for (const auto table : {microsoft_rows, transformer_rows})
    for (const Row& row : table())
      if (row.op == op) return &row;
  return nullptr;
}

const Row* find_ml_reader(std::string_view op) {
  for (const Row& row : ml_rows())
    if (row.read && row.op == op) return &row;
  return nullptr;
}

const Row* find_writer(const OpDef* def) {
  for (const auto table : kTables)
    for (const Row& row : table())
      if (row.write && row.def == def) return &row;
  for (const Row& row : ml_rows())
    if (row.write && row.def == def) return &row;
  return nullptr;
}

std::vector<const Row*> all_rows() {
  std::vector<const Row*> rows;
  for (const auto table : kTables)
    for (const Row& row : table()) rows.push_back(&row);
  return rows;
}

}  // namespace hone::onnx
