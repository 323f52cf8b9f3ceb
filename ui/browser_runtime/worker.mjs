// Runs a model with ONNX Runtime Web in a worker, so that the page stays alive and the clock is undisturbed.

const MEASURE_MS = 10_000 // rounds end here, however many were asked for
const LONG_ENOUGH = 50 // steps of the clock that a round lasts at least
const MOST_CALLS = 1024 // in a round
const TELL_MS = 100

// A function that makes a vector of sixteen zeros: only a browser with SIMD takes it.
const SIMD = new Uint8Array([
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 8, 1, 6, 0, 65, 0, 253, 15, 11,
])

const ARRAYS = {
  float32: Float32Array,
  float64: Float64Array,
  int64: BigInt64Array,
  int32: Int32Array,
  bool: Uint8Array,
  uint8: Uint8Array,
}

let told = -Infinity

self.onmessage = async ({ data }) => {
  try {
    self.postMessage({ result: await run(data) })
  } catch (error) {
    self.postMessage({ result: { error: reason(error) } })
  }
}

async function run(data) {
  const resolution = clockStep()
  const began = performance.now()
  const ort = await load(data)
  const loaded = performance.now()
  const model = data.model.url ? await download(data.model.url, 0, "the model") : bytes(data.model.data)
  tell("Creating the session", 0, true)
  const starting = performance.now()
  const first = await session(ort, model)
  const started = performance.now()
  await first.release()
  // The first session's time is mostly the runtime's own start; this one's is what a session costs.
  const again = performance.now()
  const ready = await session(ort, model)
  const created = performance.now()
  const feeds = Object.fromEntries(data.inputs.map(input => [input.name, tensor(ort, input)]))
  tell("Running", 0, true)
  const firstCall = performance.now()
  const outputs = await ready.run(feeds, data.outputs)
  const first_ms = performance.now() - firstCall
  const packed = pack(outputs, data)
  const { calls, timings_ms } = await measure(() => ready.run(feeds, data.outputs), data.rounds, resolution)
  return {
    outputs: packed,
    load_ms: loaded - began,
    start_ms: started - starting,
    session_ms: created - again,
    first_ms,
    timings_ms,
    calls,
    resolution_ms: resolution,
    threads: ort.env.wasm.numThreads,
    simd: WebAssembly.validate(SIMD),
    user_agent: navigator.userAgent,
  }
}

async function load({ origin, runtime }) {
  const address = name => new URL(`${runtime.prefix}/${name}`, origin).href
  const binary = await download(address(runtime.wasm), runtime.wasm_size, "the runtime")
  const ort = await import(address(runtime.script))
  ort.env.logLevel = "fatal"
  ort.env.wasm.numThreads = 1
  ort.env.wasm.wasmPaths = { mjs: address(runtime.module) }
  ort.env.wasm.wasmBinary = binary.buffer
  return ort
}

function session(ort, model) {
  return ort.InferenceSession.create(model, { executionProviders: ["wasm"], logSeverityLevel: 4 })
}

// The bytes of a file of the app's own, read piece by piece so that the visitor sees it come.
async function download(address, size, what) {
  const response = await fetch(address)
  if (!response.ok) throw new Error(`the server answered ${response.status} for ${what}. ${(await response.text()).slice(0, 200)}`)
  const pieces = []
  let had = 0
  const reader = response.body.getReader()
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    pieces.push(next.value)
    had += next.value.length
    const of = size ? ` of ${megabytes(size)}` : ""
    tell(`Loading ${what}: ${megabytes(had)}${of} MB`, size ? Math.min(1, had / size) : 0)
  }
  const all = new Uint8Array(had)
  let at = 0
  for (const piece of pieces) {
    all.set(piece, at)
    at += piece.length
  }
  return all
}

async function measure(call, rounds, resolution) {
  const time = async calls => {
    const began = performance.now()
    for (let made = 0; made < calls; made++) await call()
    return performance.now() - began
  }
  // A browser compiles what is called often again, and better: long enough counts when it stays so.
  let calls = 1
  for (let held = 0; held < 3 && calls < MOST_CALLS; held++) {
    if ((await time(calls)) >= LONG_ENOUGH * resolution) continue
    calls *= 2
    held = -1
  }
  const timings_ms = []
  const began = performance.now()
  while (timings_ms.length < rounds && (!timings_ms.length || performance.now() - began < MEASURE_MS)) {
    timings_ms.push((await time(calls)) / calls)
    tell(`Running: round ${timings_ms.length} of ${rounds}`, timings_ms.length / rounds)
  }
  return { calls, timings_ms }
}

// The smallest step that the clock was seen to make: browsers make it coarse on purpose.
function clockStep() {
  let smallest = Infinity
  for (let step = 0; step < 20; step++) {
    const before = performance.now()
    let after = before
    while (after === before) after = performance.now()
    smallest = Math.min(smallest, after - before)
  }
  return smallest
}

function tensor(ort, { dtype, shape, data }) {
  return new ort.Tensor(dtype, new ARRAYS[dtype](bytes(data).buffer), shape)
}

function pack(outputs, { outputs: names, max_bytes: most }) {
  let size = 0
  return names.map(name => {
    const { type, dims, data } = outputs[name]
    if (!ARRAYS[type]) throw new Error(`its output ${name} is ${type}, which does not go back to the server.`)
    size += data.byteLength
    if (size > most) throw new Error(`its outputs have more than ${megabytes(most)} MB: ask for a smaller batch.`)
    return { name, dtype: type, shape: [...dims], data: base64(new Uint8Array(data.buffer, data.byteOffset, data.byteLength)) }
  })
}

function bytes(text) {
  return Uint8Array.from(atob(text), letter => letter.charCodeAt(0))
}

function base64(content) {
  let text = ""
  for (let at = 0; at < content.length; at += 8192) text += String.fromCharCode(...content.subarray(at, at + 8192))
  return btoa(text)
}

function megabytes(count) {
  return (count / 1e6).toFixed(1)
}

function tell(words, share, now = false) {
  if (!now && performance.now() - told < TELL_MS) return
  told = performance.now()
  self.postMessage({ words, share })
}

function reason(error) {
  return String(error?.message ?? error).split("\n")[0].slice(0, 600)
}
