// The shop's own script: it searches, and fills a basket, and tells Letterpress. It does so whether or not Letterpress is there.
const tell = (event, properties) => window.letterpress?.track(event, properties)
const tiles = [...document.querySelectorAll("#tiles li")]
const heading = document.getElementById("heading")
const basket = document.getElementById("basket")
const category = document.body.dataset.category

const front = tiles.filter(tile => !tile.hidden)

const show = (wanted, title) => {
  const found = tiles.filter(wanted)
  heading.textContent = found.length ? title : "Nothing of that name; here is what others look at"
  tiles.forEach(tile => { tile.hidden = !(found.length ? found : front).includes(tile) })
}

document.getElementById("search").addEventListener("submit", event => {
  event.preventDefault()
  const query = new FormData(event.target).get("q").trim().toLowerCase()
  if (!query) return
  const words = query.split(/\s+/)
  const names = tile => [tile.className, ...tile.querySelector("h3").textContent.split(" ")]
  show(tile => words.some(word => names(tile).some(name => name.startsWith(word))), `Found for “${query}”`)
  tell("Products Searched", {query})
})

for (const tile of tiles) {
  const product = {product_id: tile.dataset.item, name: tile.querySelector("h3").textContent, category: tile.className, price: Number(tile.dataset.price)}
  tile.querySelector(".art").addEventListener("click", () => tell("Product Viewed", product))
  tile.querySelector(".add").addEventListener("click", () => {
    basket.textContent = Number(basket.textContent) + 1
    tell("Product Added", product)
  })
}

if (category) {
  show(tile => tile.className === category, category[0].toUpperCase() + category.slice(1))
  addEventListener("load", () => tell("Product List Viewed", {category}))
}
