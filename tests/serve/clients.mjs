// Clients of `hone serve` that curl cannot play: binary tensors, many at once while versions change, slow ones and ones
// that go away. clients.mjs URL MODELS: the folder that is served holds twice/1/model.hone, y = 2 x.
import assert from "node:assert/strict";
import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import net from "node:net";

const [url, models] = process.argv.slice(2);
const port = Number(new URL(url).port);
const sleep = ms => new Promise(done => setTimeout(done, ms));

function infer(x, parameters = {}) {
  const body = { inputs: [{ name: "x", datatype: "FP32", shape: [4], data: x }], ...parameters };
  return fetch(`${url}/v2/models/twice/infer`, { method: "POST", body: JSON.stringify(body) });
}

async function takesAndGivesBinaryTensors() {
  const json = JSON.stringify({
    inputs: [{ name: "x", datatype: "FP32", shape: [4], parameters: { binary_data_size: 16 } }],
    outputs: [{ name: "y", parameters: { binary_data: true } }],
  });
  const body = Buffer.concat([Buffer.from(json), Buffer.from(new Float32Array([1, 2, -3, 0.5]).buffer)]);
  const headers = { "Inference-Header-Content-Length": String(json.length), "Content-Type": "application/octet-stream" };
  const response = await fetch(`${url}/v2/models/twice/infer`, { method: "POST", headers, body });
  assert.equal(response.status, 200);
  assert.equal(response.headers.get("content-type"), "application/octet-stream");
  const size = Number(response.headers.get("inference-header-content-length"));
  const bytes = Buffer.from(await response.arrayBuffer());
  const said = JSON.parse(bytes.subarray(0, size));
  assert.equal(said.outputs[0].parameters.binary_data_size, 16);
  assert.deepEqual([...new Float32Array(new Uint8Array(bytes.subarray(size)).buffer)], [2, 4, -6, 1]);
}

/// Writes a version in one step: what is half there is never seen.
function publish(version, text) {
  mkdirSync(`${models}/next`, { recursive: true });
  writeFileSync(`${models}/next/model.hone`, text);
  renameSync(`${models}/next`, `${models}/twice/${version}`);
}
const model = factor => `graph "m" {
  input %x: f32[4]
  const %k: f32[4] = fill(${factor})
  %y: f32[4] = Mul(%x, %k)
  output %y
}
`;

/// Every answer is that of a whole version, and none is lost, while versions come and fail.
async function answersThroughReloads() {
  let isOver = false, answered = 0, refused = 0;
  const seen = new Set();
  const client = async () => {
    while (!isOver) {
      const response = await infer([1, 2, 3, 4]);
      const said = await response.json();
      if (response.status === 503) {
        refused++;
        continue;
      }
      assert.equal(response.status, 200, JSON.stringify(said));
      const y = said.outputs[0].data, factor = Number(said.model_version) === 1 ? 2 : Number(said.model_version);
      assert.deepEqual(y, [1, 2, 3, 4].map(v => v * factor));
      seen.add(said.model_version);
      answered++;
    }
  };
  const clients = Array.from({ length: 4 }, client);
  for (let version = 3; version < 9; version++) {
    publish(version, version === 6 ? "graph \"broken" : model(version));
    await sleep(90);
  }
  for (let i = 0; i < 100 && !seen.has("8"); i++) await sleep(50);
  isOver = true;
  await Promise.all(clients);
  assert.ok(answered > 50, `${answered} answers`);
  assert.ok(seen.has("8") && !seen.has("6"), [...seen].join());
  const index = await (await fetch(`${url}/v2/repository/index`, { method: "POST" })).json();
  const broken = index.find(m => m.name === "twice" && m.version === "6");
  assert.equal(broken.state, "UNAVAILABLE");
  assert.match(broken.reason, /while loading version 6/);
}

/// Sends `text` and gives what comes back until the other side closes.
function raw(text, { half = false } = {}) {
  return new Promise((done, fail) => {
    const socket = net.connect(port, "127.0.0.1", () => (half ? socket.end(text) : socket.write(text)));
    let said = "";
    socket.on("data", data => (said += data));
    socket.on("close", () => done(said));
    socket.on("error", fail);
    setTimeout(() => { socket.destroy(); fail(new Error(`not closed in time: ${said}`)); }, 8000).unref();
  });
}

async function closesOnThoseWhoAreSlowOrWrong() {
  const start = Date.now();
  const said = await Promise.all([
    raw("GET /v2 HTTP/1.1\r\nHost: a\r\n"),                                                // never ends its headers
    raw("POST /v2/models/twice/infer HTTP/1.1\r\nContent-Length: 1000\r\n\r\n{"),          // never ends its body
    raw("GET /v2/health/live HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", { half: true }),
    raw("nonsense\r\n\r\n"),
    raw("POST /v2/models/twice/infer HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
    raw(""),
  ]);
  assert.ok(Date.now() - start < 7000);
  assert.equal(said[0], "");
  assert.equal(said[1], "");
  assert.match(said[2], /^HTTP\/1.1 200 OK/);
  assert.match(said[3], /^HTTP\/1.. 400 Bad Request/);
  assert.match(said[4], /^HTTP\/1.1 400 Bad Request/);
}

async function survivesMoreConnectionsThanItTakes() {
  const sockets = Array.from({ length: 200 }, () => net.connect(port, "127.0.0.1").on("error", () => {}));
  await sleep(200);
  sockets.forEach(socket => socket.destroy());
  await sleep(100);
  assert.equal((await infer([0, 0, 0, 0])).status, 200);
}

/// The queue holds 4 and 2 run: of many requests at once some are refused at once, with the time to come again.
async function refusesWhatDoesNotFitTheQueue() {
  const body = JSON.stringify({ inputs: [{ name: "x", datatype: "FP32", shape: [4, 1], data: [1, 1, 1, 1] }] });
  const responses = await Promise.all(Array.from({ length: 40 }, () => fetch(`${url}/v2/models/slow/infer`, { method: "POST", body })));
  const answered = responses.filter(r => r.status === 200), refused = responses.filter(r => r.status === 503);
  assert.equal(answered.length + refused.length, 40);
  assert.ok(answered.length >= 4 && refused.length >= 1, `${answered.length} answered`);
  for (const r of refused) assert.equal(r.headers.get("retry-after"), "1");
  await Promise.all(responses.map(r => r.arrayBuffer()));
}

await takesAndGivesBinaryTensors();
await answersThroughReloads();
await refusesWhatDoesNotFitTheQueue();
await closesOnThoseWhoAreSlowOrWrong();
await survivesMoreConnectionsThanItTakes();
process.exit(0);
