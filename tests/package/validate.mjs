// Holds Kubernetes objects against the validators that npm's kubernetes-models compiles from the API's own description:
// validate.mjs NODE_MODULES FILE.yaml… Those validators look at types and let unknown fields pass; a field is unknown
// when a value that is of no type at all is accepted in its place.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const [modules, ...files] = process.argv.slice(2);
const require = createRequire(`${modules}/.`);
const { parseAllDocuments } = require("yaml");

function isGood(Model, object) {
  try {
    new Model(object).validate();
    return true;
  } catch {
    return false;
  }
}

/// Paths of the fields in `value`, each as a list of keys.
function* paths(value, path = []) {
  if (value === null || typeof value !== "object") return;
  for (const key of Object.keys(value)) {
    yield [...path, key];
    yield* paths(value[key], [...path, key]);
  }
}

function unknownFields(Model, object) {
  return [...paths(object)].filter(path => {
    const copy = structuredClone(object);
    let at = copy;
    for (const key of path.slice(0, -1)) at = at[key];
    at[path.at(-1)] = () => {};
    return isGood(Model, copy);
  });
}

let count = 0;
for (const file of files)
  for (const document of parseAllDocuments(readFileSync(file, "utf8"))) {
    assert.deepEqual(document.errors, [], file);
    const object = document.toJS();
    if (object === null) continue;
    const version = object.apiVersion.includes("/") ? object.apiVersion : `v1`;
    const Model = require(`kubernetes-models/${version}/${object.kind}`)[object.kind];
    new Model(object).validate();
    assert.deepEqual(unknownFields(Model, object).map(p => p.join(".")), [], `${file}: ${object.kind}`);
    ++count;
  }
// The check can fail: a field with another name is found.
const { Service } = require("kubernetes-models/v1/Service");
assert.deepEqual(unknownFields(Service, { apiVersion: "v1", kind: "Service", spec: { selectors: {}, type: "ClusterIP" } }), [["spec", "selectors"]]);
console.log(`${count} objects`);
