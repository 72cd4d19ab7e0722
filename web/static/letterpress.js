// Letterpress on a page: fills placements with what was decided for the visitor, and tells what was seen and clicked. docs/script.md
//
//     <script async src="https://letters.example.com/v1/letterpress.js" data-key="WRITE KEY" data-recipient="TOKEN"></script>
//     <div data-letterpress="web.home_hero">the default, as it stands in the page</div>
//
// Served with short names and without comments: web/minifying.py says what may be written here. A `$` begins what is ours of an object.
// Whatever goes wrong, from a blocker to a server that is down, ends in a `catch`: the default stands where it stood.
(page => {
  const script = page.currentScript
  const data = script.dataset
  const states = new Map
  const queue = []
  const listen = addEventListener
  const later = setTimeout
  const never = clearTimeout
  const place = "[data-letterpress]"
  const address = path => new URL(path, data.server || script.src)
  const token = data.recipient || ""
  let visitor = Math.random() + "-" + Date.now()
  let user
  let turn = 0
  let timers = []

  // Events wait for the end of the turn, so that what happens together goes together. A beacon outlives the page, and asks nobody first.
  const flush = () => {
    if (queue[0]) navigator.sendBeacon(address("events"), JSON.stringify({writeKey: data.key, context: {userAgent: navigator.userAgent}, batch: queue.splice(0)}))
  }

  // Without a write key nothing is told.
  const report = (event, properties, more) => {
    if (data.key) later(flush, 0, queue.push({type: "track", event: event, properties: properties, userId: user, ...more}))
  }

  // Seen is what stood half in view, or filled half of the window, for a second while the page was in front. Once per decision: its id is
  // the event's.
  const wait = (state, element) => state.$timer = later(() => {
    if (page.hidden) return wait(state, element)
    eye.unobserve(element)
    report("Placement Viewed", state.$told, {messageId: state.$told.decision_id})
  }, 1e3)
  const eye = new IntersectionObserver(entries => entries.map(entry => {
    const state = states.get(entry.target)
    never(state.$timer)
    if (entry.intersectionRatio >= .5 || entry.intersectionRect.height > innerHeight / 2) wait(state, entry.target)
  }), {threshold: [.2, .5]})

  // Show what was decided; or what stood there at first, where nothing was, or its content is missing. The element stays as high as it was:
  // what is below it does not move up.
  const show = (element, answer, piece) => {
    const state = states.get(element) || {$first: element.innerHTML}
    const html = answer.chosen_for != "everyone" && piece.content?.html
    const text = html || state.$first
    const decision = html && piece.decision_id
    states.set(element, state)
    if (text != (state.$text || state.$first)) {
      element.style.minHeight = getComputedStyle(element).height
      element.innerHTML = text
    }
    state.$text = text
    if (decision == state.$told?.decision_id) return
    never(state.$timer)
    eye.unobserve(element)
    state.$told = decision && {...piece, placement: answer.placement, content: 0}
    if (decision) eye.observe(element)
  }

  const refresh = async () => {
    const elements = [...page.querySelectorAll(place)]
    const mine = ++turn
    try {
      const names = [...new Set(elements.map(element => element.dataset.letterpress))]
      const context = data.context ? "&context=" + data.context.replace(/ *, */g, "&context=") : ""
      const question = "placements?inline=1&names=" + names + "&recipient=" + token + context
      const response = await fetch(address(question), {signal: AbortSignal.timeout(data.timeout || 800)})
      const answers = response.ok && await response.json()
      if (mine != turn) return
      // The token is good, so the id that it carries is the visitor's.
      if (answers.token == "valid") user = decodeURIComponent(escape(atob(token.split(".")[2].replace(/-/g, "+").replace(/_/g, "/"))))
      for (const element of elements) for (const answer of answers.placements) for (const piece of answer.shown)
        if (answer.placement == element.dataset.letterpress && piece.position == (element.dataset.position || 1)) show(element, answer, piece)
    } catch {}
  }

  listen("click", event => {
    const link = event.target.closest?.("a,button")
    const told = states.get(link?.closest(place))?.$told
    if (told) report("Placement Clicked", told)
  }, true)
  listen("pagehide", flush)

  // Signals are of visitors whom nobody knows, too: by an id that the browser keeps; where it keeps nothing, the page is the visitor.
  // What a signal changes is asked for twice: deciding takes about a second.
  window.letterpress = {
    refresh: refresh,
    track: (event, properties) => {
      try { visitor = data.visitor || data.key && (localStorage.letterpress ||= visitor) } catch {}
      report(event, properties, {anonymousId: visitor})
      timers.map(never)
      timers = [1e3, 3e3].map(moment => later(refresh, moment))
    }
  }
  page.readyState > "l" ? listen("DOMContentLoaded", refresh) : refresh()
})(document)
