// Starts the worker for the run that ui/browser_runtime/component.py describes, shows how far it is, sends its result.

// The worker says something at every step; one that is silent for this long hangs in a model.
const PATIENCE_MS = 60_000

const panels = new WeakMap()

export default function (component) {
  const { data, parentElement, setTriggerValue } = component
  const root = parentElement.querySelector(".run")
  if (!root || !data) return
  let panel = panels.get(root)
  if (!panel) {
    panel = new Panel(root)
    panels.set(root, panel)
  }
  panel.emit = result => setTriggerValue("result", result)
  panel.hear(data)
  return () => panel.stop()
}

class Panel {
  constructor(root) {
    this.root = root
    this.words = root.querySelector(".words")
    this.track = root.querySelector(".track")
    this.id = "" // of the run that was started or is known to have ended
    this.worker = null
    this.timer = 0
  }

  hear(data) {
    if (data.ended) {
      this.stop()
      this.id = data.id
      this.end(data.ended)
    } else if (data.id !== this.id) {
      this.stop()
      this.id = data.id
      this.start(data)
    }
  }

  start(data) {
    this.show("Starting", 0)
    try {
      this.worker = new Worker(new URL(data.worker, location.origin), { type: "module" })
    } catch (error) {
      this.finish({ error: String(error.message ?? error) })
      return
    }
    this.worker.onmessage = ({ data: said }) => {
      if (said.result) this.finish(said.result)
      else {
        this.watch()
        this.show(said.words, said.share)
      }
    }
    this.worker.onerror = event => {
      event.preventDefault()
      this.finish({ error: event.message || "the browser could not start the worker." })
    }
    this.watch()
    this.worker.postMessage({ ...data, origin: location.origin })
  }

  watch() {
    clearTimeout(this.timer)
    const late = () => this.finish({ error: `nothing was heard of it for ${PATIENCE_MS / 1000} s, so it was stopped.` })
    this.timer = setTimeout(late, PATIENCE_MS)
  }

  finish(result) {
    this.stop()
    this.end(result.error === undefined ? "Ran in this browser." : "Stopped.")
    this.emit({ id: this.id, ...result })
  }

  // Ending the worker gives back all the memory that the runtime took.
  stop() {
    clearTimeout(this.timer)
    this.worker?.terminate()
    this.worker = null
  }

  end(words) {
    this.root.classList.add("ended")
    this.words.setAttribute("aria-live", "polite")
    this.words.textContent = words
  }

  show(words, share) {
    this.root.classList.remove("ended")
    // Each step is read out, not each tenth of a second inside it.
    this.words.setAttribute("aria-live", share ? "off" : "polite")
    this.words.textContent = `${words} …`
    this.track.setAttribute("aria-valuenow", Math.round(100 * share))
    this.root.style.setProperty("--share", share)
  }
}
