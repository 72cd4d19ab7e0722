// XXH3 with 128 bits and seed 0, for texts of 17 to 240 bytes: what decision ids are made with. By its specification
// (github.com/Cyan4973/xxHash, doc/xxhash_spec.md). A test compares it with Python's xxhash.

const SECRET = Uint8Array.from(
  ('b8fe6c3923a44bbe7c01812cf721ad1cded46de9839097db7240a4a4b7b3671fcb79e64eccc0e578825ad07dccff7221b8084674f743248ee03590e6813a264c' +
   '3c2852bb91c300cb88d0658b1b532ea371644897a20df94e3819ef46a9deacd8a8fa763fe39c343ff9dcbbc7c70b4f1d8a51e04bcdb45931c89f7ec9d9787364' +
   'eac5ac8334d3ebc3c581a0fffa1363eb170ddd51b7f0da49d316552629d4689e2b16be587d47a1fc8ff8b8d17ad031ce45cb3a8f95160428afd7fbcabb4b407e')
    .match(/../g), pair => parseInt(pair, 16))
const P1 = 0x9E3779B185EBCA87n, P2 = 0xC2B2AE3D27D4EB4Fn, P4 = 0x85EBCA77C2B2AE63n, MIX = 0x165667919E3779F9n
const secret = new DataView(SECRET.buffer)
const u64 = number => BigInt.asUintN(64, number)
const word = (view, at) => view.getBigUint64(at, true)

/** 32 hexadecimal digits; null for a text that is too short or too long for this. */
export function xxh3(text) {
  const bytes = new TextEncoder().encode(text), size = bytes.length
  if (size < 17 || size > 240) return null
  const view = new DataView(bytes.buffer, bytes.byteOffset, size)
  let low = u64(BigInt(size) * P1), high = 0n

  const fold = (at, key) => {
    const product = (word(view, at) ^ word(secret, key)) * (word(view, at + 8) ^ word(secret, key + 8))
    return u64(product) ^ (product >> 64n)
  }
  const mix = (first, second, key) => {
    low = u64(low + fold(first, key)) ^ u64(word(view, second) + word(view, second + 8))
    high = u64(high + fold(second, key + 16)) ^ u64(word(view, first) + word(view, first + 8))
  }

  if (size <= 128) {
    for (let round = Math.ceil(size / 32) - 1; round >= 0; round--) mix(16 * round, size - 16 * (round + 1), 32 * round)
  } else {
    const rounds = Math.floor(size / 32)
    for (let round = 0; round < 4; round++) mix(32 * round, 32 * round + 16, 32 * round)
    low = avalanche(low)
    high = avalanche(high)
    for (let round = 4; round < rounds; round++) mix(32 * round, 32 * round + 16, 3 + 32 * (round - 4))
    mix(size - 16, size - 32, 103)
  }
  const sum = avalanche(u64(low + high))
  const rest = u64(-avalanche(u64(low * P1 + high * P4 + BigInt(size) * P2)))
  return rest.toString(16).padStart(16, '0') + sum.toString(16).padStart(16, '0')
}

function avalanche(number) {
  number = u64((number ^ (number >> 37n)) * MIX)
  return number ^ (number >> 32n)
}
