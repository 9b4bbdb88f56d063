// Many requests at once, of one row and of three, some that make no sense: prints every answer in their order. batch.mjs URL
const url = process.argv[2];

function infer(model, i) {
  const rows = i % 7 === 3 ? 3 : 1, wrong = i % 11 === 5;
  const data = Array.from({ length: rows * 8 }, (_, k) => Math.sin(i * 31 + k));
  const input = { name: "x", datatype: "FP32", shape: [rows, wrong ? 7 : 8], data };
  const body = JSON.stringify({ id: String(i), inputs: [input], outputs: [{ name: "y", parameters: { binary_data: i % 2 === 0 } }] });
  return fetch(`${url}/v2/models/${model}/infer`, { method: "POST", body })
    .then(async r => `${model} ${i} ${r.status} ${Buffer.from(await r.arrayBuffer()).toString("latin1")}`);
}

for (const model of ["rows", "mixed"])
  for (const said of await Promise.all(Array.from({ length: 60 }, (_, i) => infer(model, i)))) console.log(said);
