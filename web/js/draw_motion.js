// Draws Draw Motion's path on its image. It changes only the text of the node's input `path`, so a
// saved graph does not depend on the editor.

import { api } from '../../../scripts/api.js'
import { app } from '../../../scripts/app.js'

const NODE = 'SpacetimeDrawMotion'
const PICTURE = 'motion_picture'
const HEIGHT = 240
const LOOKS = 400 // milliseconds between checks of the image and the text
const REACH = 9 // screen pixels within which a point can be grabbed
const DETAIL = 0.004 // tolerance for simplifying a drawn line, relative to the image's longer side

const WORDS = {
  en: {
    draw: 'Drag on the image to draw the path. Drag a point to move it; Shift-click adds a point.',
    none: 'To draw on the image, connect Load Image or run the workflow once.',
    wired: 'The path comes from a linked input.',
    clear: 'Clear',
  },
  zh: {
    draw: '在图片上拖动来绘制路径。拖动点可移动它，按住 Shift 单击可添加点。',
    none: '连接“加载图像”，或先运行一次工作流，即可在图片上绘制。',
    wired: '路径由连线提供。',
    clear: '清除',
  },
  ja: {
    draw: '画像の上をドラッグして軌跡を描きます。点はドラッグで動かせ、Shift で追加できます。',
    none: '「画像を読み込む」をつなぐか、一度実行すると、画像の上に描けます。',
    wired: '軌跡はリンクから届きます。',
    clear: '消去',
  },
}

function words() {
  const language = app.extensionManager?.setting?.get?.('Comfy.Locale') ?? 'en'
  return WORDS[language] ?? WORDS.en
}

/**
 * Parses the points of a path, the first if there are several; an empty array if there is none.
 * As when the graph runs, numbers that are all between 0 and 1 are shares of the image's sides.
 */
function pointsIn(text, { width, height }) {
  try {
    const read = JSON.parse(text.replaceAll("'", '"') || '[]')
    const path = Array.isArray(read[0]) ? read[0] : read
    const points = path.map(({ x, y }) => ({ x: Number(x), y: Number(y) }))
    const shares = points.every(({ x, y }) => Math.min(x, y) >= 0 && Math.max(x, y) <= 1)
    return shares ? points.map(({ x, y }) => ({ x: x * width, y: y * height })) : points
  } catch {
    return []
  }
}

function textOf(points) {
  const round = (value) => Math.round(value * 10) / 10
  return points.length ? JSON.stringify(points.map(({ x, y }) => ({ x: round(x), y: round(y) }))) : ''
}

/** Drops points within a distance of the line (Ramer, 1972; Douglas and Peucker, 1973). */
function simplified(points, distance) {
  if (points.length < 3) return points
  const [first, last] = [points[0], points[points.length - 1]]
  const apart = points.map((point) => fromSegment(point, first, last))
  const farthest = apart.indexOf(Math.max(...apart))
  if (apart[farthest] <= distance) return [first, last]
  const before = simplified(points.slice(0, farthest + 1), distance)
  return [...before.slice(0, -1), ...simplified(points.slice(farthest), distance)]
}

function fromSegment(point, first, last) {
  const [x, y] = [last.x - first.x, last.y - first.y]
  const along = ((point.x - first.x) * x + (point.y - first.y) * y) / (x * x + y * y || 1)
  const share = Math.min(1, Math.max(0, along))
  return Math.hypot(point.x - first.x - share * x, point.y - first.y - share * y)
}

/** Finds the node that feeds an input, through any reroutes. */
function origin(node, name) {
  const slot = node.inputs?.findIndex((each) => each.name === name) ?? -1
  let found = slot < 0 ? null : node.getInputNode(slot)
  while (found?.type === 'Reroute') found = found.getInputNode(0)
  return found
}

/** Returns the URLs of the image that Load Image shows, and of its mask if the node uses it. */
function loaded(node) {
  const source = origin(node, 'image')
  const value = source?.widgets?.find((each) => each.name === 'image')?.value
  if (!/^LoadImage/.test(source?.comfyClass ?? '') || typeof value !== 'string') return null
  const [, path, type] = value.match(/^(.*?)(?: \[(\w+)\])?$/)
  const place = path.lastIndexOf('/')
  const asked = new URLSearchParams({
    filename: path.slice(place + 1),
    subfolder: path.slice(0, Math.max(place, 0)),
    type: type ?? 'input',
  })
  const address = (channel) => api.apiURL(`/view?${asked}&channel=${channel}`)
  return { picture: address('rgb'), mask: origin(node, 'mask') === source ? address('a') : null }
}

class PathEditor {
  constructor(node) {
    this.node = node
    this.text = node.widgets.find((each) => each.name === 'path')
    this.points = []
    this.images = {}
    this.held = null // number of the dragged point, or 'line' while a line is drawn
    this._build()
    this.timer = setInterval(() => this.look(), LOOKS)
  }

  _build() {
    this.element = document.createElement('div')
    this.element.className = 'spacetime-draw-motion'
    Object.assign(this.element.style, { display: 'flex', flexDirection: 'column', gap: '4px' })
    this.canvas = document.createElement('canvas')
    Object.assign(this.canvas.style, { flex: '1', minHeight: '0', width: '100%', touchAction: 'none' })
    const row = document.createElement('div')
    Object.assign(row.style, { display: 'flex', gap: '6px', font: '11px sans-serif', opacity: '0.8' })
    this.message = document.createElement('span')
    this.message.style.flex = '1'
    this.clear = document.createElement('button')
    this.clear.type = 'button'
    this.clear.style.font = 'inherit'
    this.clear.addEventListener('click', () => this._set([]))
    row.append(this.message, this.clear)
    this.element.append(this.canvas, row)
    for (const kind of ['down', 'move', 'up', 'cancel'])
      this.canvas.addEventListener(`pointer${kind}`, (event) => this[`_${kind}`](event))
  }

  remove() {
    clearInterval(this.timer)
  }

  executed(output) {
    const made = output?.[PICTURE]?.[0]
    if (made) this.made = api.apiURL(`/view?${new URLSearchParams(made)}`)
  }

  get wired() {
    return this.node.inputs?.some((each) => each.widget?.name === 'path' && each.link != null)
  }

  /** Checks for a changed image, text or size, and redraws if there is one. */
  look() {
    const { picture, mask } = loaded(this.node) ?? { picture: this.made, mask: null }
    this._load('picture', picture)
    this._load('mask', mask)
    const size = [this.canvas.clientWidth, this.canvas.clientHeight]
    const seen = [this.text.value, picture, mask, this.wired, words().clear, ...size].join('\n')
    if (seen === this.seen || this.held !== null) return
    this.seen = seen
    this.points = pointsIn(this.text.value, this.frame ?? { width: 1, height: 1 })
    this.draw()
  }

  _load(name, address) {
    if (this.images[name]?.address === (address ?? null)) return
    const image = { address: address ?? null, ready: null }
    this.images[name] = image
    this.seen = null
    if (!address) return
    const loading = new Image()
    loading.onload = () => {
      image.ready = loading
      this.seen = null
    }
    loading.src = address
  }

  /** The image's place on the canvas, in page pixels before zooming. */
  get frame() {
    const picture = this.images.picture?.ready
    if (!picture || !this.canvas.clientWidth) return null
    const [width, height] = [picture.naturalWidth, picture.naturalHeight]
    const scale = Math.min(this.canvas.clientWidth / width, this.canvas.clientHeight / height)
    const left = (this.canvas.clientWidth - width * scale) / 2
    const top = (this.canvas.clientHeight - height * scale) / 2
    return { left, top, width, height, scale }
  }

  draw() {
    const told = words()
    this.clear.textContent = told.clear
    this.message.textContent = this.wired ? told.wired : this.frame ? told.draw : told.none
    const sharp = 2 * (window.devicePixelRatio || 1)
    this.canvas.width = this.canvas.clientWidth * sharp
    this.canvas.height = this.canvas.clientHeight * sharp
    const pen = this.canvas.getContext('2d')
    pen.scale(sharp, sharp)
    const frame = this.frame
    if (!frame) return
    pen.translate(frame.left, frame.top)
    pen.scale(frame.scale, frame.scale)
    pen.drawImage(this.images.picture.ready, 0, 0)
    this._drawMask(pen, frame)
    if (!this.wired) this._drawPath(pen, 1 / frame.scale)
  }

  _drawMask(pen, { width, height }) {
    const opaque = this.images.mask?.ready
    if (!opaque) return
    const tint = document.createElement('canvas')
    Object.assign(tint, { width, height })
    const brush = tint.getContext('2d')
    brush.fillStyle = '#ffb000'
    brush.fillRect(0, 0, width, height)
    brush.globalCompositeOperation = 'destination-out'
    brush.drawImage(opaque, 0, 0, width, height)
    pen.globalAlpha = 0.45
    pen.drawImage(tint, 0, 0)
    pen.globalAlpha = 1
  }

  _drawPath(pen, pixel) {
    if (!this.points.length) return
    pen.lineJoin = pen.lineCap = 'round'
    for (const [colour, width] of [['#000000', 5], ['#35e0ff', 2.5]]) {
      pen.strokeStyle = colour
      pen.lineWidth = width * pixel
      pen.beginPath()
      for (const { x, y } of this.points) pen.lineTo(x, y)
      this._drawArrow(pen, 9 * pixel)
      pen.stroke()
    }
    for (const [number, { x, y }] of this.points.entries()) {
      pen.beginPath()
      pen.arc(x, y, (number ? 3.5 : 5.5) * pixel, 0, 2 * Math.PI)
      pen.fillStyle = number ? '#ffffff' : '#35e0ff'
      pen.fill()
      pen.lineWidth = pixel
      pen.strokeStyle = '#000000'
      pen.stroke()
    }
  }

  _drawArrow(pen, size) {
    const [before, end] = this.points.slice(-2)
    if (!end) return
    const angle = Math.atan2(end.y - before.y, end.x - before.x)
    for (const side of [-0.5, 0.5]) {
      pen.moveTo(end.x, end.y)
      pen.lineTo(end.x - size * Math.cos(angle + side), end.y - size * Math.sin(angle + side))
    }
  }

  /** Returns the point of the image under the pointer, clamped to the image. */
  _place(event) {
    const { left, top, width, height, scale } = this.frame
    const box = this.canvas.getBoundingClientRect()
    const zoom = this.canvas.clientWidth / box.width
    const within = (value, most) => Math.min(most, Math.max(0, value))
    return {
      x: within(((event.clientX - box.left) * zoom - left) / scale, width),
      y: within(((event.clientY - box.top) * zoom - top) / scale, height),
    }
  }

  _down(event) {
    if (!this.frame || this.wired || event.button !== 0) return
    event.preventDefault()
    event.stopPropagation()
    this.canvas.setPointerCapture(event.pointerId)
    const place = this._place(event)
    const reach = REACH / this.frame.scale
    const near = this.points.findIndex(({ x, y }) => Math.hypot(x - place.x, y - place.y) < reach)
    if (event.shiftKey) this.points.push(place)
    else if (near < 0) this.points = [place]
    this.held = event.shiftKey ? this.points.length - 1 : near < 0 ? 'line' : near
    this.draw()
  }

  _move(event) {
    if (this.held === null) return
    event.stopPropagation()
    if (this.held === 'line') this.points.push(this._place(event))
    else this.points[this.held] = this._place(event)
    this.draw()
  }

  _up(event) {
    if (this.held === null) return
    event.stopPropagation()
    const { width, height } = this.frame
    const detail = DETAIL * Math.max(width, height)
    this._set(this.held === 'line' ? simplified(this.points, detail) : this.points)
    this.held = null
  }

  _cancel() {
    this.held = null
  }

  _set(points) {
    this.points = points
    this.text.value = textOf(points)
    this.text.callback?.(this.text.value)
    this.draw()
    app.graph.setDirtyCanvas(true, true)
    app.extensionManager?.workflow?.activeWorkflow?.changeTracker?.checkState?.()
  }
}

app.registerExtension({
  name: 'spacetime.drawMotion',
  nodeCreated(node) {
    if (node.comfyClass !== NODE) return
    const editor = new PathEditor(node)
    const widget = node.addDOMWidget('draw_motion', 'spacetime_path', editor.element, {
      serialize: false,
      hideOnZoom: false,
      getMinHeight: () => HEIGHT,
    })
    widget.serialize = false
    const { onExecuted, onRemoved } = node
    node.onExecuted = function (output) {
      onExecuted?.apply(this, arguments)
      editor.executed(output)
    }
    node.onRemoved = function () {
      onRemoved?.apply(this, arguments)
      editor.remove()
    }
  },
})
