// The dial that ui/dial.py describes. It sends one value, waits until the script has seen it, then sends the latest.

const SPACING_MS = 50
// Not shorter: a value sent while an older one is on its way makes Streamlit push a history entry for the older.
const PATIENCE_MS = 2000

const dials = new WeakMap()

export default function (component) {
  const { data, parentElement, setStateValue } = component
  const root = parentElement.querySelector(".dial")
  if (!root || !data) return
  let dial = dials.get(root)
  if (!dial) {
    dial = new Dial(root)
    dials.set(root, dial)
  }
  dial.emit = move => setStateValue("move", move)
  dial.hear(data)
}

class Dial {
  constructor(root) {
    this.root = root
    this.value = null
    this.pointer = null // id of the pointer that drags
    this.start = null // the value when the drag began
    this.sent = null // the last value that went to the server
    this.turn = "" // its name
    this.sentAt = -Infinity
    this.flying = false // sent, and not seen by the script yet
    this.waiting = false // a newer value than `sent` is to go
    this.timer = 0
    root.addEventListener("pointerdown", event => this.press(event))
    root.addEventListener("pointermove", event => this.move(event))
    root.addEventListener("pointerup", event => this.release(event))
    root.addEventListener("pointercancel", event => this.release(event))
    root.addEventListener("keydown", event => this.key(event))
  }

  // What the page says: its value, the range, and the last of our values that it has seen.
  hear(data) {
    const first = this.data === undefined
    this.data = data
    if (this.flying && data.seen === this.turn) {
      this.flying = false
      if (this.waiting) this.schedule()
    }
    const late = performance.now() - this.sentAt > PATIENCE_MS
    const busy = this.pointer !== null || ((this.flying || this.waiting) && !late)
    this.root.setAttribute("aria-label", `drag ${data.name}`)
    this.root.classList.toggle("empty", data.value === null)
    if (busy) return
    // A range that was widened stays so while the hand moves inside it; a value from elsewhere sets it anew.
    const ours = !first && data.value === this.sent
    this.low = ours ? Math.min(this.low, data.low) : data.low
    this.high = ours ? Math.max(this.high, data.high) : data.high
    if (data.value !== null) this.value = data.value
    this.draw()
  }

  draw() {
    if (this.value === null) return
    const share = (this.value - this.low) / (this.high - this.low)
    this.root.style.setProperty("--at", Math.min(1, Math.max(0, share)))
    this.root.setAttribute("aria-valuemin", this.low)
    this.root.setAttribute("aria-valuemax", this.high)
    this.root.setAttribute("aria-valuenow", this.value)
  }

  press(event) {
    if (event.button !== 0 || this.pointer !== null || this.data.value === null) return
    event.preventDefault()
    this.pointer = event.pointerId
    this.start = this.value
    this.root.setPointerCapture(event.pointerId)
    this.root.focus({ preventScroll: true })
    this.root.classList.add("dragging")
    this.move(event)
  }

  move(event) {
    if (event.pointerId !== this.pointer) return
    const box = this.root.getBoundingClientRect()
    const share = Math.min(1, Math.max(0, (event.clientX - box.left) / box.width))
    this.set(this.onGrid(this.low + share * (this.high - this.low)))
  }

  release(event) {
    if (event.pointerId !== this.pointer) return
    // The system took the pointer away (a scroll, a call): nothing was chosen.
    if (event.type === "pointercancel") this.set(this.start)
    this.letGo()
  }

  letGo() {
    if (this.root.hasPointerCapture(this.pointer)) this.root.releasePointerCapture(this.pointer)
    this.pointer = null
    this.root.classList.remove("dragging")
  }

  key(event) {
    if (event.key === "Escape" && this.pointer !== null) {
      event.preventDefault()
      event.stopPropagation()
      this.set(this.start)
      this.letGo()
      return
    }
    if (this.data.value === null || event.altKey || event.ctrlKey || event.metaKey) return
    const { step } = this.data
    const moves = {
      ArrowRight: step, ArrowUp: step, ArrowLeft: -step, ArrowDown: -step, PageUp: 10 * step, PageDown: -10 * step,
    }
    let value
    if (event.key === "Home") value = this.low
    else if (event.key === "End") value = this.high
    else if (event.key in moves) value = this.onGrid(this.value + moves[event.key])
    else return
    event.preventDefault()
    this.set(Math.min(this.high, Math.max(this.low, value)))
  }

  // A multiple of the step, without the dust of binary fractions: 0.30000000000000004 becomes 0.3.
  onGrid(value) {
    const { step } = this.data
    const decimals = Math.min(100, Math.max(0, Math.ceil(-Math.log10(step)) + 2))
    const near = Number((Math.round(value / step) * step).toFixed(decimals))
    return Math.min(this.high, Math.max(this.low, near)) + 0
  }

  set(value) {
    if (value === this.value) return
    this.value = value
    this.draw()
    this.waiting = true
    this.schedule()
  }

  schedule() {
    clearTimeout(this.timer)
    const since = performance.now() - this.sentAt
    const wait = this.flying ? PATIENCE_MS - since : SPACING_MS - since
    if (wait <= 0) this.send()
    else this.timer = setTimeout(() => this.send(), wait)
  }

  send() {
    if (!this.waiting || !this.root.isConnected) return
    this.waiting = false
    this.flying = true
    this.sent = this.value
    this.sentAt = performance.now()
    // Unlike any turn of another tab's or an earlier page's dial with the same state.
    this.turn = `${performance.timeOrigin}.${this.sentAt}`
    rewriteAddress(this.data.parameter, python(this.value))
    this.emit({ value: this.value, turn: this.turn })
  }
}

// Streamlit pushes a history entry for a changed parameter unless the address has it already. So it has: twenty
// entries a second would make the Back button useless. The other parameters stay as they are written.
function rewriteAddress(parameter, text) {
  const name = encodeURIComponent(parameter)
  const pair = `${name}=${encodeURIComponent(text)}`
  const query = location.search.replace(/^\?/, "")
  const pattern = new RegExp(`(^|&)${name.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")}=[^&]*`)
  const rewritten = pattern.test(query)
    ? query.replace(pattern, (_, before) => before + pair)
    : [query, pair].filter(Boolean).join("&")
  if (rewritten !== query) history.replaceState(history.state, "", `${location.pathname}?${rewritten}${location.hash}`)
}

// A number as Python's repr(float) writes it: 5.0, 0.1, 1e+16, 1e-05.
export function python(value) {
  if (value === 0) return "0.0"
  const [mantissa, exponent] = value.toExponential().split("e")
  const power = Number(exponent)
  if (power >= -4 && power < 16) return Number.isInteger(value) ? value.toFixed(1) : String(value)
  return `${mantissa}e${power < 0 ? "-" : "+"}${String(Math.abs(power)).padStart(2, "0")}`
}
