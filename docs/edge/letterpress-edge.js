// Placements at the edge: what `GET /v1/placements` answers, from the same decision store, without `letterpress serve` on the way.
//
// Needs fetch, crypto.subtle, TextEncoder and AbortSignal.timeout, as Cloudflare Workers, Vercel, Deno and Node 18 have them, and no
// library. Reads Redis through its HTTP interface (Upstash's, or `serverless-redis-http` in front of your own). docs/edge/README.md.
//
//   redis     { url, token } of the HTTP interface; a token that may only read is enough
//   content   where published content is fetched: `content_public_url`
//   keys      { key id: key }: the site key of `letterpress token --key`, and older ones while their tokens hold
//   budget    milliseconds for the decision store; then the default. 60 if left out
import { xxh3 } from './xxh3.js'

const HASHES = 131072
const WORDS_HOLD = 60_000, LISTS_HOLD = 60_000 // milliseconds
const known = { words: new Map(), lists: new Map(), documents: new Map() } // for as long as the platform keeps the process

/** The answer to a question (the part of the URL after `?`), in the words of `GET /v1/placements`. Never throws. */
export async function answer(query, parts) {
  const asked = new URLSearchParams(query), now = Date.now() / 1000
  const names = [...new Set((asked.get('names') ?? '').split(','))].filter(Boolean).slice(0, 20)
  const { recipient, token } = await whose(asked.get('recipient'), parts.keys, now)
  const contexts = asked.getAll('context').slice(0, 5).map(context => '~' + context.replace(':', '='))
  const lists = await Promise.all(names.map(name => listOf(name, parts)))
  const found = names.filter((_, at) => lists[at])
  const stored = await decisions([recipient, ...contexts].filter(Boolean), [...new Set(found.map(campaignOf))], parts)
  const chosen = found.map(name => choice(name, lists[names.indexOf(name)], recipient, stored, now, parts.content))
  if (asked.get('inline') === '1') await Promise.all(chosen.flatMap(one => one.shown).map(piece => fill(piece)))
  return { placements: chosen, unknown: names.filter(name => !found.includes(name)), token }
}

/** The hash of a recipient, and their field in it; the same in every campaign. */
export async function placeOf(recipient) {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(recipient)))
  return [((digest[6] << 16) | (digest[7] << 8) | digest[8]) % HASHES, btoa(String.fromCharCode(...digest.slice(0, 6)))]
}

/** What a value holds: placement → { variants, send, expires }. Throws UnknownWord when the words have to be read again. */
export function unpacked(value, words) {
  const entries = {}
  for (const slate of value.split(';')) {
    const [head, ...choices] = slate.split(':')
    const [expiry, send] = head.split('.')
    const [code, within] = send.split('+')
    const expires = parseInt(expiry, 36), name = wordOf(words, `s.${code}`) + (within === undefined ? '' : `+${within}`)
    for (const [placement, ...variants] of choices.map(one => one.split(','))) {
      entries[wordOf(words, `p.${placement}`)] = { variants: variants.map(one => wordOf(words, `v${placement}.${one}`)), send: name, expires }
    }
  }
  return entries
}

/** The words of a campaign, of what HGETALL gives: `<space>.<code>` → word. */
export function wordsOf(told) {
  const pairs = Array.isArray(told) ? told.flatMap((name, at) => (at % 2 ? [] : [[name, told[at + 1]]])) : Object.entries(told ?? {})
  return new Map(pairs.filter(([name]) => name.includes('.')).map(([name, text]) => [name, text.slice(text.indexOf(' ') + 1)]))
}

/** The id by which events name a decision; null for ids of recipients that are longer than 150 bytes or so. */
export function decisionIdOf(send, recipient, placement, position) {
  return xxh3(['decision', send, recipient, placement, position].join('\x1f'))
}

/** Whose token it is: recipient or null, and `valid`, `expired` or `none`. A token that was not made with these keys is none. */
export async function whose(token, keys, now) {
  const nobody = { recipient: null, token: 'none' }
  const [keyId, expiry, name, seal, more] = (token ?? '').split('.')
  if (!seal || more !== undefined || !Object.hasOwn(keys, keyId) || !/^\d+$/.test(expiry)) return nobody
  try {
    const bytes = Uint8Array.from(keys[keyId].match(/../g), pair => parseInt(pair, 16))
    const key = await crypto.subtle.importKey('raw', bytes, { name: 'HMAC', hash: 'SHA-256' }, false, ['verify'])
    const sealed = new TextEncoder().encode(`${keyId}.${expiry}.${name}`)
    if (!(await crypto.subtle.verify('HMAC', key, spelled(seal), sealed))) return nobody
    if (Number(expiry) <= now) return { recipient: null, token: 'expired' }
    return { recipient: new TextDecoder('utf-8', { fatal: true }).decode(spelled(name)), token: 'valid' }
  } catch {
    return nobody
  }
}

/** What each of these has stored: one Map of placement → entry for each, in order; empty ones when the store cannot be read in time. */
async function decisions(everybody, campaigns, parts) {
  if (!everybody.length || !campaigns.length) return []
  try {
    const places = await Promise.all(everybody.map(placeOf))
    const stale = campaigns.filter(campaign => !(known.words.get(campaign)?.until > Date.now()))
    const asked = places.flatMap(([number, field]) => campaigns.map(campaign => ['HGET', `decisions:${campaign}:${number}`, field]))
    const told = await redis([...asked, ...stale.map(words)], parts)
    stale.forEach((campaign, at) => learn(campaign, told[asked.length + at]))
    return await Promise.all(everybody.map((_, at) => merged(campaigns, told.slice(at * campaigns.length), parts)))
  } catch {
    return everybody.map(() => ({}))
  }
}

async function merged(campaigns, values, parts) {
  const entries = {}
  for (const [at, campaign] of campaigns.entries()) {
    if (!values[at]) continue
    try {
      Object.assign(entries, unpacked(values[at], known.words.get(campaign).words))
    } catch (error) {
      if (!(error instanceof UnknownWord)) continue // nobody can read it: as good as missing
      learn(campaign, (await redis([words(campaign)], parts))[0])
      Object.assign(entries, unpacked(values[at], known.words.get(campaign).words))
    }
  }
  return entries
}

/** What a placement shows: the recipient's own decision, else the first context's, else the default. */
function choice(placement, list, recipient, stored, now, content) {
  const at = stored.findIndex(entries => shows(entries[placement], list, now))
  const entry = stored[at]?.[placement], own = recipient !== null && at === 0
  const shown = (entry?.variants ?? list.default).map((variant, index) => ({
    position: index + 1,
    variant,
    content_url: list.variants[variant] ? `${content}/${list.variants[variant].path}` : null,
    decision_id: own ? decisionIdOf(entry.send, recipient, placement, index + 1) : null,
  }))
  const expires = entry ? new Date(entry.expires * 1000).toISOString().replace('.000', '') : null
  return { placement, is_default: !own, chosen_for: own ? 'recipient' : entry ? 'context' : 'everyone', shown, expires_at: expires }
}

const shows = (entry, list, now) => entry && entry.expires > now && entry.variants.every(variant => list.variants[variant])
const campaignOf = placement => placement.slice(0, placement.lastIndexOf('.'))
const words = campaign => ['HGETALL', `decisions:${campaign}:words`]
const learn = (campaign, told) => known.words.set(campaign, { words: wordsOf(told), until: Date.now() + WORDS_HOLD })
const spelled = text => Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), sign => sign.charCodeAt(0))

class UnknownWord extends Error {}

function wordOf(words, name) {
  if (!words.has(name)) throw new UnknownWord(name)
  return words.get(name)
}

/** The results of these commands, in one round trip. */
async function redis(commands, { redis: { url, token }, budget }) {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  const sent = { method: 'POST', headers, body: JSON.stringify(commands), signal: AbortSignal.timeout(budget ?? 60) }
  const response = await fetch(`${url}/pipeline`, sent)
  if (!response.ok) throw new Error(`the store answers ${response.status}`)
  return (await response.json()).map(one => {
    if ('error' in one) throw new Error(one.error)
    return one.result
  })
}

/** What may be shown in a placement (variants.json): kept for a minute, and held on to while it cannot be fetched. Null: no placement. */
async function listOf(placement, { content }) {
  const kept = known.lists.get(placement)
  if (kept?.until > Date.now()) return kept.list
  const list = await json(`${content}/${encodeURIComponent(placement)}/variants.json`)
  if (!list) return kept?.list ?? null
  known.lists.set(placement, { list, until: Date.now() + LISTS_HOLD })
  return list
}

/** Put the published document into a piece. Its address changes with what is in it, so it is fetched once. */
async function fill(piece) {
  if (!piece.content_url) return Object.assign(piece, { content: null })
  const document = known.documents.get(piece.content_url) ?? (await json(piece.content_url))
  if (document) known.documents.set(piece.content_url, document)
  return Object.assign(piece, { content: document })
}

async function json(url) {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(500) })
    return response.ok ? await response.json() : null
  } catch {
    return null
  }
}
