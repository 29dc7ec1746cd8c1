// node public_sets.mjs FOLDER : mails of public template sets in FOLDER/node_modules, as JSON [{name, html}]
// npm install --prefix FOLDER --ignore-scripts foundation-emails@2.5.1 mailgen@2.0.36 mjml@5.4.1 juice@11
import { createRequire } from 'module'
import { readFileSync } from 'fs'

const require = createRequire(process.argv[2] + '/')
const modules = process.argv[2] + '/node_modules'
const version = (name) => JSON.parse(readFileSync(`${modules}/${name}/package.json`, 'utf8')).version
const out = []

const papers = [...Array(10).keys()].map((number) => ({
  title: `Sparse attention for latent graphs: how adaptive memory improves kernels (${number + 1})`,
  authors: 'A. Berg, B. Cole, C. Dahl and 3 others',
  summary: 'We show that adaptive memory improves latent graphs. The gain holds for ten tasks and five sizes of model, and costs nothing at inference. All code is open.',
  url: `https://arxiv.org/abs/2611.0000${number}`,
}))

// Foundation for Emails: its newsletters, with its style sheet put into them as its own build does.
const juice = require('juice')
const sheet = readFileSync(`${modules}/foundation-emails/dist/foundation-emails.css`, 'utf8')
for (const file of ['newsletter', 'basic']) {
  const page = readFileSync(`${modules}/foundation-emails/.download/templates/${file}.html`, 'utf8')
  const linked = page.replace(/<link rel="stylesheet"[^>]*>/, `<style>${sheet}</style>`)
  out.push({ name: `foundation-emails ${version('foundation-emails')}, ${file}`, html: juice(linked) })
}

// Mailgen: each of its themes, with the same ten papers.
const loaded = require('mailgen')
const Mailgen = loaded.default || loaded
for (const theme of ['default', 'cerberus', 'neopolitan', 'salted']) {
  const generator = new Mailgen({ theme, product: { name: 'Papers for you', link: 'https://papers.example.org/' } })
  const html = generator.generate({
    body: {
      title: 'Papers for you',
      intro: 'Ten papers for you.',
      table: { data: papers.map((paper) => ({ title: paper.title, authors: paper.authors, summary: paper.summary })) },
      action: papers.map((paper) => ({ instructions: paper.title, button: { color: '#22BC66', text: 'Read the paper', link: paper.url } })),
      outro: 'You get this mail because you are subscribed.',
    },
  })
  out.push({ name: `mailgen ${version('mailgen')}, ${theme}`, html })
}

// MJML with nothing but its own defaults, and the same ten papers.
const found = require('mjml')
const mjml = found.default || found
const blocks = papers.map((paper, number) =>
  `<mj-section><mj-column><mj-text font-size="20px">${number + 1}. <a href="${paper.url}">${paper.title}</a></mj-text>` +
  `<mj-text>${paper.authors}</mj-text><mj-text>${paper.summary}</mj-text><mj-button href="${paper.url}">Read the paper</mj-button></mj-column></mj-section>`)
const made = await mjml(
  `<mjml><mj-head><mj-title>Papers for you</mj-title><mj-preview>Ten papers for you</mj-preview></mj-head><mj-body>${blocks.join('')}</mj-body></mjml>`)
out.push({ name: `mjml ${version('mjml')}, its defaults`, html: made.html })

console.log(JSON.stringify(out))
