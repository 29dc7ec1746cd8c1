// node pair_sets.mjs FOLDER < CONTENT : the same content in public template sets of FOLDER, as JSON [{set, version, html}]
// bench/pairs.py says how FOLDER is made. Each set is dressed with its own parts, in the manner of its makers' examples.
import { createRequire } from 'module'
import { readFileSync } from 'fs'
import { pathToFileURL } from 'url'

const folder = process.argv[2]
const modules = `${folder}/node_modules`
const require = createRequire(`${folder}/`)
const known = (name) => JSON.parse(readFileSync(`${modules}/${name}/package.json`, 'utf8')).version
const content = JSON.parse(readFileSync(0, 'utf8'))
const { papers, footer } = content
// No phrase breaks in its middle, on the narrowest screen either.
for (const paper of papers) paper.verdicts = paper.verdicts.map(([word, url]) => [word.replaceAll(' ', '\u00a0'), url])

const escaped = (text) => String(text).replace(/[&<>"]/g, (sign) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[sign])
const link = ([word, url], attributes = '') => `<a href="${escaped(url)}"${attributes}>${escaped(word)}</a>`
const joined = (parts, between = ' · ') => parts.filter(Boolean).join(between)
const who = (paper) => escaped(joined([paper.authors, paper.organization]))
const ways = (paper, attributes, between) => paper.links.map((each) => link(each, attributes)).join(between)
const verdicts = (paper, attributes, between) => paper.verdicts.map((each) => link(each, attributes)).join(between)
const leaving = (attributes, between) => footer.links.map((each) => link(each, attributes)).join(between)

// Foundation for Emails: its newsletter, with the heads, rules and small buttons of its examples.
function foundation() {
  const juice = require('juice')
  const sheet = readFileSync(`${modules}/foundation-emails/dist/foundation-emails.css`, 'utf8')
  const spacer = (height) => `<table class="spacer"><tbody><tr><td height="${height}" style="font-size:${height}px;line-height:${height}px">&nbsp;</td></tr></tbody></table>`
  const row = (inside) => `<table class="row"><tbody><tr><th class="small-12 large-12 columns first last"><table><tbody><tr><th>${inside}</th></tr></tbody></table></th></tr></tbody></table>`
  const button = ([word, url]) => `<td style="padding:0 8px 0 0;width:1px"><table class="button small radius" style="margin:0 0 8px"><tbody><tr><td><table><tbody><tr><td><a href="${url}">${escaped(word)}</a></td></tr></tbody></table></td></tr></tbody></table></td>`
  const block = (paper) => row(`<hr><h5>${paper.number}. ${link([paper.title, paper.url])}</h5><p style="margin-bottom:4px">${who(paper)}</p>
    <p style="margin-bottom:4px"><strong>${escaped(paper.reason)}</strong></p><p>${escaped(paper.facts)}</p><p>${escaped(paper.summary)}</p>
    <table><tbody><tr>${paper.links.map(button).join('')}<td></td></tr></tbody></table>
    <p>${verdicts(paper, '', ' &nbsp; ')}</p>`)
  const page = `<!DOCTYPE html><html><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><style>${sheet}</style></head><body>
    <table class="body" data-made-with-foundation><tr><td class="float-center" align="center" valign="top"><center>
    <style>body, html, .body { background: #f3f3f3 !important; }</style>
    <table align="center" class="container float-center"><tbody><tr><td>${spacer(16)}
    ${row(`<h1 class="text-center">${escaped(content.name)}</h1><p class="text-center lead">${escaped(content.line)}</p>`)}
    ${papers.map(block).join('')}
    ${row(`<hr><p>${escaped(footer.why)}</p><p>${leaving('', ' &nbsp; ')}</p><p>${escaped(footer.postal)}</p>`)}
    </td></tr></tbody></table></center></td></tr></table></body></html>`
  return { set: 'Foundation for Emails', version: known('foundation-emails'), html: juice(page) }
}

// Mailgen: papers are its paragraphs. Its buttons are for one thing to do in a mail, so none is spent on each paper.
function mailgen(theme, name) {
  const loaded = require('mailgen')
  const Mailgen = loaded.default || loaded
  const generator = new Mailgen({
    theme,
    product: { name: content.name, link: content.url, copyright: `${escaped(footer.why)}<br>${leaving('', ' · ')}<br>${escaped(footer.postal)}` },
  })
  const blue = ' style="color:#3869D4"'
  const block = (paper) => [
    `<span style="display:inline-block;padding:8px 0 4px;font-size:18px;line-height:26px;color:#2F3133"><strong>${paper.number}. ${link([paper.title, paper.url], blue)}</strong></span><br>${who(paper)}<br>` +
      `<em>${escaped(paper.reason)}</em><br><span style="font-size:14px">${escaped(paper.facts)}</span>`,
    escaped(paper.summary),
    `<span style="display:inline-block;padding-bottom:20px">${joined([...paper.links, ...paper.verdicts].map((each) => link(each, blue)), ' &nbsp; ')}</span>`,
  ]
  const html = generator.generate({ body: { title: content.line, signature: false, intro: papers.flatMap(block) } })
  // A white shadow of the name smears once a program darkens the mail.
  return { set: name, version: known('mailgen'), html: html.replace(/text-shadow:[^;]*;/g, '') }
}

// MJML, in the manner of the newsletter of papers in its gallery ("Recast"): Roboto, thin rules, blue heads.
async function mjml() {
  const found = require('mjml')
  const make = found.default || found
  const blue = ' style="color:#3498DB;text-decoration:none"'
  const block = (paper) => `<mj-section><mj-column><mj-text padding-bottom="0">
    <h3 style="font-weight:bold;margin:0">${paper.number}. ${link([paper.title, paper.url], blue)}</h3>
    <p style="font-size:14px;margin:6px 0;color:#9E9E9E">${who(paper)}</p>
    <p style="font-size:14px;margin:6px 0;font-style:italic">${escaped(paper.reason)}</p>
    <p style="font-size:14px;margin:6px 0;color:#9E9E9E">${escaped(paper.facts)}</p>
    <p style="margin:10px 0">${escaped(paper.summary)}</p>
    <p style="font-size:14px;margin:6px 0">${ways(paper, blue, ' &nbsp; ')} &nbsp; &nbsp; ${verdicts(paper, blue, ' &nbsp; ')}</p></mj-text>
    <mj-divider border-width="1px" border-color="#E0E0E0" /></mj-column></mj-section>`
  const made = await make(`<mjml><mj-head><mj-title>${escaped(content.name)}</mj-title>
    <mj-font name="Roboto" href="https://fonts.googleapis.com/css?family=Roboto:300,500" />
    <mj-attributes><mj-all font-family="Roboto, Helvetica, sans-serif" />
    <mj-text font-weight="300" font-size="16px" color="#616161" line-height="24px" /><mj-section padding="0px" /></mj-attributes></mj-head>
    <mj-body><mj-section padding="30px 0 10px"><mj-column><mj-text align="center" font-size="32px" line-height="40px" color="#424242">${escaped(content.name)}</mj-text></mj-column></mj-section>
    <mj-section><mj-column width="75%"><mj-text align="center" font-weight="500" padding="0px">${escaped(content.line)}</mj-text>
    <mj-divider border-width="2px" border-color="#616161" /><mj-divider border-width="2px" border-color="#616161" width="45%" /></mj-column></mj-section>
    ${papers.map(block).join('')}
    <mj-section padding="10px 0 30px"><mj-column><mj-text font-size="13px" line-height="20px" align="center">${escaped(footer.why)}<br />${leaving(blue, ' &nbsp; ')}<br />${escaped(footer.postal)}</mj-text></mj-column></mj-section>
    </mj-body></mjml>`)
  return { set: 'MJML', version: known('mjml'), html: made.html }
}

// React Email, in the manner of the mail with most text that its starter brings: a white card, quiet greys, an indigo.
async function reactEmail() {
  const { createElement: e } = require('react')
  const parts = require('@react-email/components')
  const { Body, Button, Container, Head, Heading, Hr, Html, Link, Preview, Section, Text } = parts
  const anchor = { color: '#556cd6' }
  const text = { color: '#525f7f', fontSize: '16px', lineHeight: '24px', margin: '12px 0' }
  const small = { ...text, color: '#8898aa', fontSize: '14px', lineHeight: '20px', margin: '6px 0' }
  const spread = (links, style) => links.flatMap(([word, href]) => [e(Link, { key: word, href, style }, word), '\u2003'])
  const block = (paper) => e(Section, { key: paper.number },
    e(Hr, { style: { borderColor: '#e6ebf1', margin: '20px 0' } }),
    e(Heading, { as: 'h2', style: { fontSize: '20px', lineHeight: '28px', margin: '0 0 4px', color: '#32325d' } },
      `${paper.number}. `, e(Link, { href: paper.url, style: { color: '#32325d' } }, paper.title)),
    e(Text, { style: small }, joined([paper.authors, paper.organization])),
    e(Text, { style: { ...small, color: '#556cd6', fontWeight: 'bold' } }, paper.reason),
    e(Text, { style: small }, paper.facts),
    e(Text, { style: text }, paper.summary),
    e(Button, { href: paper.links[0][1], style: { backgroundColor: '#656ee8', borderRadius: '5px', color: '#fff', fontSize: '15px', fontWeight: 'bold', padding: '8px 18px', marginRight: '18px' } }, paper.links[0][0]),
    spread(paper.links.slice(1), { ...anchor, fontSize: '15px' }),
    e(Text, { style: small }, spread(paper.verdicts, { color: '#8898aa' })))
  const page = e(Html, { lang: 'en' }, e(Head), e(Preview, null, papers[1].title),
    e(Body, { style: { backgroundColor: '#f6f9fc', margin: 0, fontFamily: '-apple-system,BlinkMacSystemFont,"Segoe UI",Roboto,"Helvetica Neue",Ubuntu,sans-serif' } },
      e(Container, { style: { backgroundColor: '#ffffff', margin: '0 auto', padding: '20px 0 48px', maxWidth: '600px' } },
        e(Section, { className: 'box', style: { padding: '0 48px' } },
          e(Heading, { as: 'h1', style: { fontSize: '28px', lineHeight: '36px', margin: '16px 0 0', color: '#32325d' } }, content.name),
          e(Text, { style: { ...text, margin: '4px 0 0' } }, content.line),
          papers.map(block),
          e(Hr, { style: { borderColor: '#e6ebf1', margin: '20px 0' } }),
          e(Text, { style: { color: '#8898aa', fontSize: '12px', lineHeight: '18px' } }, footer.why, e('br'), spread(footer.links, { color: '#8898aa', textDecoration: 'underline' }), e('br'), footer.postal)))))
  const html = await parts.render(page)
  // As its examples do for phones.
  const narrow = '<style>@media (max-width:600px){.box td,.box{padding-left:20px!important;padding-right:20px!important}.box .box td{padding:0!important}.box table td{padding-left:0!important;padding-right:0!important}}</style>'
  return { set: 'React Email', version: known('@react-email/components'), html: html.replace('</head>', `${narrow}</head>`) }
}

// Maizzle, in the manner of its starter: a white card with a slate line on slate, Inter.
async function maizzle() {
  const { render } = await import(pathToFileURL(`${modules}/@maizzle/framework/src/index.js`))
  const divider = '<div class="h-px bg-slate-200 my-6" style="line-height:1px">&zwj;</div>'
  const block = (paper) => `<h2 class="m-0 mb-2 text-xl/7 text-slate-900 font-semibold">${paper.number}. ${link([paper.title, paper.url], ' class="text-slate-900 no-underline"')}</h2>
    <p class="m-0 mb-2 text-sm/5 text-slate-500">${who(paper)}</p>
    <p class="m-0 mb-2"><span class="inline-block rounded bg-slate-100 text-slate-700 text-sm/5 px-2 py-1">${escaped(paper.reason)}</span></p>
    <p class="m-0 mb-4 text-sm/5 text-slate-500">${escaped(paper.facts)}</p>
    <p class="m-0 mb-4 text-base/6 text-slate-600">${escaped(paper.summary)}</p>
    <p class="m-0 text-sm/8">${link(paper.links[0], ' class="inline-block rounded bg-slate-950 text-slate-50 no-underline text-sm leading-none font-semibold px-4 py-3 mr-4"')}
    ${ways({ links: paper.links.slice(1) }, ' class="text-slate-800 underline mr-4"', ' ')} ${verdicts(paper, ' class="text-slate-500 no-underline mr-4"', ' ')}</p>`
  const page = `<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
    <style>@tailwind components; @tailwind utilities; img { max-width: 100%; vertical-align: middle }</style></head>
    <body class="m-0 p-0 w-full [word-break:break-word] [-webkit-font-smoothing:antialiased] bg-slate-50">
    <div class="bg-slate-50 sm:px-4 font-inter"><table align="center" class="m-0 mx-auto" cellpadding="0" cellspacing="0"><tr><td class="w-[552px] max-w-full"><div class="h-6"></div>
    <table class="w-full" cellpadding="0" cellspacing="0"><tr><td class="py-6 px-9 sm:p-6 bg-white border border-solid border-slate-200 rounded-lg">
    <h1 class="m-0 mb-1 text-2xl/8 text-slate-900 font-semibold">${escaped(content.name)}</h1><p class="m-0 text-base/6 text-slate-600">${escaped(content.line)}</p>
    ${papers.map((paper) => divider + block(paper)).join('')}</td></tr></table>
    <table class="w-full" cellpadding="0" cellspacing="0"><tr><td class="py-6 px-9 sm:px-6"><p class="m-0 text-xs/5 text-slate-500">${escaped(footer.why)}<br>${leaving(' class="text-slate-500 underline mr-3"', ' ')}<br>${escaped(footer.postal)}</p></td></tr></table>
    </td></tr></table></div></body></html>`
  const theme = { screens: { sm: { max: '600px' } }, extend: { fontFamily: { inter: ['Inter', 'ui-sans-serif', 'system-ui', '-apple-system', '"Segoe UI"', 'sans-serif'] } } }
  const { html } = await render(page, { css: { inline: true, purge: true, tailwind: { content: [{ raw: page, extension: 'html' }], theme, corePlugins: { preflight: false } } } })
  return { set: 'Maizzle', version: known('@maizzle/framework'), html }
}

// Ghost: the mail of a post, with its own template, style sheet and rules.
function ghost() {
  const core = `${folder}/package/core/server/services`
  const Handlebars = require('handlebars').create()
  const mails = `${core}/email-service/email-templates`
  const file = (name) => readFileSync(`${mails}/${name}.hbs`, 'utf8')
  const { registerHelpers } = require(`${core}/email-service/helpers/register-helpers.js`)
  registerHelpers(Handlebars, { isSet: () => false }, (key, values) => key.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? ''))
  for (const [name, at] of [['styles', 'styles'], ['paywall', 'paywall'], ['latestPosts', 'latest-posts'], ['feedbackButton', 'feedback-button']])
    Handlebars.registerPartial(name, file(`partials/${at}`))
  const rule = '<table class="kg-card kg-hr-card" role="presentation" width="100%" border="0" cellpadding="0" cellspacing="0"><tbody><tr><td><table class="kg-hr" role="presentation" border="0" cellpadding="0" cellspacing="0"><tbody><tr><td>&nbsp;</td></tr></tbody></table></td></tr></tbody></table>'
  const block = (paper) => `<h4 style="margin-top:0">${paper.number}. ${link([paper.title, paper.url])}</h4>
    <p>${who(paper)}<br><em>${escaped(paper.reason)}</em><br>${escaped(paper.facts)}</p>
    <p>${escaped(paper.summary)}</p><p>${ways(paper, '', ' &nbsp; ')} &nbsp; ${verdicts(paper, '', ' &nbsp; ')}</p>`
  const white = '#ffffff'
  const html = Handlebars.compile(file('template'))({
    post: { title: content.count, url: content.url, authors: content.name, publishedAt: content.date },
    site: { title: content.name, url: content.url },
    newsletter: { name: content.name, showPostTitleSection: true, showExcerpt: false },
    preheader: '', html: papers.map(block).join(rule), hasHeaderContent: true, showHeaderTitle: true, showHeaderName: false,
    footerContent: `${escaped(footer.why)}<br>${leaving('', ' &nbsp; ')}<br>${escaped(footer.postal)}`, year: content.date.slice(-4),
    accentColor: content.accent, accentContrastColor: white, backgroundColor: white, postTitleColor: '#15212A', titleWeight: '700', titleStrongWeight: '800',
    textColor: '#15212A', linkColor: content.accent, buttonColor: content.accent, buttonTextColor: white, buttonBorderRadius: '6px', dividerColor: '#e0e7eb',
    linkStyle: 'underline', ctaBgColors: ['grey', 'blue'],
    classes: { container: 'container', title: 'post-title post-title-no-excerpt', titleLink: 'post-title-link', excerpt: 'post-excerpt', meta: 'post-meta post-meta-center', body: 'post-content-sans-serif' },
  })
  const version = JSON.parse(readFileSync(`${folder}/package/package.json`, 'utf8')).version
  return { set: 'Ghost', version, html: require('juice')(html, { inlinePseudoElements: true, removeStyleTags: true }).replaceAll(/%%\{unsubscribe_url\}%%/g, content.url) }
}

const made = []
for (const make of [foundation, () => mailgen('default', 'Mailgen, default'), () => mailgen('cerberus', 'Cerberus (Mailgen)'), mjml, reactEmail, maizzle, ghost]) {
  try {
    made.push(await make())
  } catch (error) {
    console.error(`A set is left out: ${error.stack}`)
    process.exitCode = 1
  }
}
console.log(JSON.stringify(made))
