// Draws the graph that ui/graph.py describes. A change of numbers only changes texts; nothing is made anew.

const SVG = "http://www.w3.org/2000/svg"

// In sixteenths of a rem.
const WIDTH = 98
const BATCH_WIDTH = 118
const GAP = { least: 27, most: 72, rows: 12 }
const PAD = { top: 9, bottom: 4, side: 3 }
const PLAIN = { height: 54, label: 16.5, value: 32.5, gradient: 47.5 }
const DETAILED = { height: 70, label: 17, gradFn: 31.5, value: 48.5, gradient: 63.5 }
const INSET = 9
const NUMBER = 25

const drawings = new WeakMap()

export default function (component) {
  const { data, parentElement, setTriggerValue } = component
  const root = parentElement.querySelector(".graph")
  if (!root || !data) return
  let drawing = drawings.get(root)
  if (!drawing) {
    drawing = new Drawing(root)
    drawings.set(root, drawing)
  }
  drawing.choose = id => setTriggerValue("selected", id)
  drawing.show(data)
}

class Drawing {
  constructor(root) {
    this.stage = root.querySelector(".stage")
    this.legend = { nowhere: root.querySelector(".nowhere"), order: root.querySelector(".order") }
    this.svg = make("svg", { role: "group" })
    this.stage.replaceChildren(this.svg)
    this.shape = ""
    this.highlight = null
    // The width changes with the window, the size of a rem with the projector.
    const observer = new ResizeObserver(() => this.arrange())
    observer.observe(this.stage)
    observer.observe(this.svg)
  }

  show(data) {
    const shape = JSON.stringify([
      data.detailed,
      data.columns,
      data.rows,
      data.edges,
      data.nodes.map(node => [node.id, node.cell, node.kind, node.label, node.name, node.grad_fn]),
    ])
    this.data = data
    this.size = data.detailed ? DETAILED : PLAIN
    if (shape !== this.shape) {
      this.shape = shape
      this.build()
    }
    this.svg.setAttribute("aria-label", data.alt)
    this.stage.classList.toggle("tall", data.height !== null)
    this.stage.style.maxHeight = data.height === null ? "" : `${data.height}rem`
    this.legend.nowhere.classList.toggle("absent", !data.dashed)
    this.legend.order.classList.toggle("absent", !data.detailed)
    data.nodes.forEach(node => this.write(node))
    this.arrange()
    this.follow()
  }

  build() {
    const focused = this.svg.getRootNode().activeElement?.dataset?.id
    this.nodes = new Map()
    this.widths = new Array(this.data.columns).fill(WIDTH)
    this.arranged = ""
    const edges = make("g", { "aria-hidden": "true" })
    this.edges = this.data.edges.map(edge => {
      const line = make("path", { class: edge.flows ? "edge" : "edge still" })
      const head = make("path", { class: "head" })
      edges.append(line, head)
      return { edge, line, head }
    })
    const boxes = make("g")
    for (const node of this.data.nodes) {
      const parts = this.box(node)
      this.nodes.set(node.id, parts)
      boxes.append(parts.group)
    }
    this.svg.replaceChildren(edges, boxes)
    if (focused !== undefined) this.nodes.get(Number(focused))?.group.focus({ preventScroll: true })
  }

  box(node) {
    const { size } = this
    const group = make("g", { role: "button", tabindex: "0", "data-id": node.id })
    const title = make("title")
    const back = make("rect", { class: "back", x: 4, y: 4, height: size.height, rx: node.kind === "leaf" ? 14 : 6 })
    const box = make("rect", { class: "box", height: size.height, rx: node.kind === "leaf" ? 14 : 6 })
    const label = make("text", { class: "label", x: INSET, y: size.label })
    label.append(span("", node.label))
    if (node.name) label.append(span("equals", " = "), span("name", node.name))
    const into = make("text", { class: "into", x: INSET, y: size.value, "aria-hidden": "true" })
    into.textContent = node.kind === "fold" ? "" : "→"
    const value = make("text", { class: "value", x: node.kind === "fold" ? INSET : NUMBER, y: size.value })
    const backTo = make("text", { class: "back-to", x: INSET, y: size.gradient, "aria-hidden": "true" })
    const gradient = make("text", { class: "gradient-value", y: size.gradient })
    group.append(title, back, box, label, into, value, backTo, gradient)
    if (size.gradFn) {
      const gradFn = make("text", { class: "grad-fn", x: INSET, y: size.gradFn })
      gradFn.textContent = node.grad_fn
      group.append(gradFn)
    }
    const turn = make("g", { class: "turn" })
    turn.append(make("circle", { r: 9 }), make("text", { y: 4 }))
    const step = make("g", { class: "step", "aria-hidden": "true" })
    const mark = make("text", { x: 5, y: 3.5 })
    mark.textContent = "step"
    const pointer = make("path", { d: "M-19 0 L-12 -4.5 V4.5 Z" })
    step.append(make("rect", { x: -25, y: -8.5, width: 50, height: 16.5, rx: 8.25 }), pointer, mark)
    group.append(turn, step)
    const choose = () => this.choose(node.id)
    group.addEventListener("click", choose)
    group.addEventListener("keydown", event => {
      if (event.key !== "Enter" && event.key !== " ") return
      event.preventDefault()
      choose()
    })
    return { group, title, back, box, value, backTo, gradient, turn, step }
  }

  write(node) {
    const parts = this.nodes.get(node.id)
    const classes = ["node", node.kind]
    if (node.dashed) classes.push("dashed")
    if (node.loss) classes.push("loss")
    if (node.gradient === "?") classes.push("hidden-value")
    if (node.id === this.data.highlight) classes.push("current")
    change(parts.group, "class", classes.join(" "))
    change(parts.group, "aria-label", node.aria)
    change(parts.group, "aria-current", node.id === this.data.highlight ? "step" : "false")
    say(parts.title, node.hover)
    say(parts.value, node.value)
    say(parts.gradient, node.gradient)
    const arrow = node.dashed || node.kind === "fold" ? "" : "←"
    say(parts.backTo, arrow)
    change(parts.gradient, "x", arrow ? NUMBER : INSET)
    say(parts.turn.lastChild, node.turn ?? "")
    change(parts.turn, "visibility", node.turn === null ? "hidden" : "visible")
    const [column] = node.cell
    // Never narrower again while the graph stays the same: numbers that change length do not shake it.
    this.widths[column] = Math.max(this.widths[column], needed(node))
  }

  arrange() {
    if (!this.data) return
    const { columns, rows, nodes } = this.data
    const unit = parseFloat(getComputedStyle(document.documentElement).fontSize) / 16
    const boxes = this.widths.reduce((sum, width) => sum + width, 0)
    const spare = (this.stage.clientWidth / unit - boxes - 2 * PAD.side) / Math.max(columns - 1, 1)
    const gap = Math.floor(Math.min(GAP.most, Math.max(GAP.least, spare)))
    const plan = [gap, ...this.widths].join(" ")
    if (plan === this.arranged) {
      this.emphasise()
      return
    }
    this.arranged = plan
    const { height } = this.size
    const left = []
    let x = PAD.side
    for (const width of this.widths) {
      left.push(x)
      x += width + gap
    }
    const top = row => PAD.top + row * (height + GAP.rows)
    const wide = x - gap + PAD.side
    const tall = top(rows - 1) + height + PAD.bottom
    this.svg.setAttribute("viewBox", `0 0 ${wide} ${tall}`)
    this.svg.style.width = `${wide / 16}rem`
    this.svg.style.height = `${tall / 16}rem`
    for (const node of nodes) {
      const parts = this.nodes.get(node.id)
      const [column, row] = node.cell
      const width = this.widths[column]
      parts.x = left[column]
      parts.width = width
      parts.group.setAttribute("transform", `translate(${left[column]} ${top(row)})`)
      parts.box.setAttribute("width", width)
      parts.back.setAttribute("width", width)
      parts.turn.setAttribute("transform", `translate(${width - 14} 13)`)
      parts.step.setAttribute("transform", `translate(${width / 2} 0)`)
    }
    for (const { edge, line, head } of this.edges) {
      const middle = row => top(row) + height / 2
      const [[firstColumn, firstRow], ...others] = edge.points
      const [lastColumn, lastRow] = others.pop()
      let [atX, atY] = [left[firstColumn] + this.widths[firstColumn], middle(firstRow)]
      let path = `M${atX} ${atY}`
      const bend = (toX, toY) => {
        const half = (atX + toX) / 2
        path += ` C${half} ${atY} ${half} ${toY} ${toX} ${toY}`
        atX = toX
        atY = toY
      }
      for (const [column, row] of others) {
        bend(left[column], middle(row))
        atX = left[column] + this.widths[column]
        path += ` H${atX}`
      }
      const endX = left[lastColumn] - 1.5
      const endY = middle(lastRow) + edge.entry * height / 2
      bend(endX - 8, endY)
      line.setAttribute("d", path)
      head.setAttribute("d", `M${endX - 9} ${endY - 4.5} L${endX} ${endY} L${endX - 9} ${endY + 4.5} Z`)
    }
    this.emphasise()
  }

  emphasise() {
    for (const { edge, line, head } of this.edges) {
      const entering = edge.target === this.data.highlight
      line.classList.toggle("entering", entering)
      head.classList.toggle("entering", entering)
      // Drawn last, so that no other edge on the same way covers it.
      if (entering) line.parentNode.append(line, head)
    }
  }

  // Brings the highlighted node into view by scrolling the stage, never the page.
  follow() {
    const { highlight } = this.data
    if (highlight === this.highlight) return
    this.highlight = highlight
    const parts = this.nodes.get(highlight)
    if (!parts) return
    const stage = this.stage.getBoundingClientRect()
    const box = parts.box.getBoundingClientRect()
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches
    const left = this.stage.scrollLeft + box.left - stage.left - (stage.width - box.width) / 2
    const top = this.stage.scrollTop + box.top - stage.top - (stage.height - box.height) / 2
    const outside = box.left < stage.left || box.right > stage.right || box.top < stage.top || box.bottom > stage.bottom
    if (outside) this.stage.scrollTo({ left, top, behavior: calm ? "auto" : "smooth" })
  }
}

// A generous estimate, so that nothing has to be measured: digits are all equally wide.
function needed(node) {
  const label = INSET + 8.6 * (node.label.length + (node.name ? node.name.length + 2.2 : 0)) + 8
  const number = NUMBER + 7.4 * Math.max(node.value.length, node.gradient.length) + 6
  const gradFn = INSET + 6.3 * node.grad_fn.length + 8
  const turn = node.turn === null ? 0 : 18
  return Math.ceil(Math.max(node.batch ? BATCH_WIDTH : WIDTH, label + turn, number, gradFn))
}

function make(name, attributes = {}) {
  const element = document.createElementNS(SVG, name)
  for (const [attribute, value] of Object.entries(attributes)) element.setAttribute(attribute, value)
  return element
}

function span(className, text) {
  const element = make("tspan", className ? { class: className } : {})
  element.textContent = text
  return element
}

function say(element, text) {
  if (element.textContent !== String(text)) element.textContent = text
}

function change(element, attribute, value) {
  if (element.getAttribute(attribute) !== String(value)) element.setAttribute(attribute, value)
}
