// Placements through `letterpress serve`, from the edge: with a time-out, and with the published defaults when it does not answer.
//
//   serve     the address of `letterpress serve`
//   content   where published content is fetched: `content_public_url`
//   budget    milliseconds for an answer; then the defaults. 250 if left out

/** The answer to a question (the part of the URL after `?`), in the words of `GET /v1/placements`. Never throws. */
export async function answerThrough(query, { serve, content, budget }) {
  try {
    const response = await fetch(`${serve}/v1/placements?${query}`, { signal: AbortSignal.timeout(budget ?? 250) })
    if (response.ok) return await response.json()
  } catch {} // too slow, or gone: below
  const names = (new URLSearchParams(query).get('names') ?? '').split(',').filter(Boolean)
  const found = await Promise.all(names.map(name => defaultOf(name, content)))
  return { placements: found.filter(Boolean), unknown: names.filter((_, at) => !found[at]), token: 'none' }
}

/** The default of a placement as it was published last (variant-default.json); null where there is none. */
export async function defaultOf(placement, content) {
  try {
    const response = await fetch(`${content}/${encodeURIComponent(placement)}/variant-default.json`, { signal: AbortSignal.timeout(500) })
    if (!response.ok) return null
    const document = await response.json()
    const shown = (document.slate ?? [document]).map((one, at) => ({
      position: at + 1, variant: one.variant, content_url: null, decision_id: null, content: one,
    }))
    return { placement, is_default: true, chosen_for: 'everyone', shown, expires_at: null }
  } catch {
    return null
  }
}
