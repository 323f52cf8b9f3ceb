// What a page notes about itself while it is measured: websocket messages and the frame that shows a number.
// Put into every page before its own scripts.

(() => {
  const messages = []
  const sends = []
  let connected = 0
  const send = WebSocket.prototype.send
  WebSocket.prototype.send = function (data) {
    sends.push(performance.now())
    return send.call(this, data)
  }
  window.WebSocket = class extends WebSocket {
    constructor(...given) {
      super(...given)
      this.addEventListener("open", () => (connected ||= performance.now()))
      this.addEventListener("message", () => messages.push(performance.now()))
    }
  }

  const shown = selector => document.querySelector(selector)?.textContent.trim() ?? null
  const lastBefore = (times, limit) => times.filter(time => time <= limit).at(-1) ?? limit

  // Calls `found` at the first frame for which `test(text)` holds, and again for each later one if it returns true.
  function onFrame(selector, test, found) {
    let asked = false
    const look = () => {
      if (asked || !test(shown(selector))) return
      asked = true
      const changedAt = performance.now()
      requestAnimationFrame(frame => {
        asked = false
        if (!found(frame, changedAt)) observer.disconnect()
      })
    }
    const observer = new MutationObserver(look)
    observer.observe(document, { subtree: true, childList: true, characterData: true })
    look()
  }

  const PATIENCE_MS = 30_000
  const patiently = (what, start) =>
    new Promise((resolve, reject) => {
      setTimeout(() => reject(new Error(`${what}: nothing after ${PATIENCE_MS} ms`)), PATIENCE_MS)
      start(resolve)
    })

  const bench = (window.bench = {})

  // First paint: resolves when the number is on the page.
  bench.paint = (selector, text) =>
    patiently(`${selector} never showed ${text}`, resolve => {
      onFrame(selector, now => now === text, (frame, changedAt) => {
        const resources = performance.getEntriesByType("resource").filter(entry => entry.responseEnd <= frame)
        const navigation = performance.getEntriesByType("navigation")[0]
        const scripts = resources.filter(entry => entry.name.endsWith(".js") && entry.responseEnd <= connected)
        resolve({
          seen: frame,
          first_byte: navigation.responseStart,
          scripts_loaded: Math.max(0, ...scripts.map(entry => entry.responseEnd)),
          connected,
          first_message: messages[0] ?? 0,
          arrived: lastBefore(messages, changedAt),
          requests: resources.length + 1,
          kilobytes: [navigation, ...resources].reduce((sum, entry) => sum + entry.transferSize, 0) / 1000,
        })
      })
    })

  // A change: from the next key press to the first frame with the expected text.
  bench.watch = (selector, text) => {
    let pressed = 0
    addEventListener("keydown", event => (pressed ||= event.timeStamp), { capture: true, once: true })
    let seen, arrived
    bench.changed = patiently(`${selector} never changed to ${text}`, resolve =>
      onFrame(selector, now => now === text, (frame, changedAt) => {
        seen = frame
        arrived = lastBefore(messages, changedAt)
        resolve()
      }))
    bench.times = () => ({
      seen: seen - pressed,
      sent: sends.find(time => time >= pressed) - pressed,
      arrived: arrived - pressed,
      idle: messages.at(-1) - pressed,
    })
  }

  // Dragging: every frame with another text than the frame before.
  bench.count = selector => {
    let before = shown(selector)
    bench.frames = []
    onFrame(selector, now => now !== null && now !== before, frame => {
      before = shown(selector)
      bench.frames.push(frame)
      return true
    })
  }
  bench.gaps = () => bench.frames.slice(1).map((frame, index) => frame - bench.frames[index])
})()
