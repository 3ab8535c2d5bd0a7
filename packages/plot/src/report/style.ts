/** The report's look, on top of what every page has. Nothing is drawn around the pictures: they lie on the paper. */
export const STYLE = `
:root{--tw-paper:#fcfbf8;--serif:"Iowan Old Style","Palatino Linotype",Palatino,"URW Palladio L",P052,"Book Antiqua",Georgia,serif;--line:color-mix(in srgb,var(--tw-ink) 14%,transparent);--good:#00704f;--warning:#855c00;--error:#b3261e}
@media(prefers-color-scheme:dark){:root{--tw-paper:#12181d;--good:#4cc79b;--warning:#e3b341;--error:#ff8a80}}
.page{max-width:74rem;margin:0 auto;padding:0 clamp(1rem,4vw,3rem) 4rem}
header{position:relative;padding:clamp(2.25rem,6vw,4.5rem) 0 0}
.over{margin:0 0 .75rem;color:var(--tw-muted);font-size:.875rem;letter-spacing:.04em}
h1,h2,.lead,.key dd{font-family:var(--serif);font-weight:500;text-wrap:balance}
h1{margin:0;font-size:clamp(2rem,6vw,3.25rem);line-height:1.1;letter-spacing:-.015em;overflow-wrap:anywhere;max-width:22ch}
.lead{margin:1rem 0 0;font-size:clamp(1.15rem,2.6vw,1.45rem);line-height:1.45;max-width:38em}
.key{display:grid;grid-template-columns:repeat(auto-fit,minmax(9.5rem,1fr));gap:1.5rem 2rem;margin:2.25rem 0 0;padding:1.5rem 0;border-block:1px solid var(--line)}
.key dt{color:var(--tw-muted);font-size:.875rem}
.key dd{margin:.1rem 0 0;font-size:1.9rem;line-height:1.2;font-variant-numeric:lining-nums tabular-nums}
.key small{display:block;font:.875rem/1.45 system-ui,sans-serif;color:var(--tw-muted);margin-top:.2rem}
nav{display:none}
section{padding-top:3.25rem;scroll-margin-top:0}
h2{margin:0 0 .35rem;font-size:1.7rem;line-height:1.25;letter-spacing:-.005em}
h3{margin:0;font-size:1rem;font-weight:600}
section>p{margin:0 0 1.25rem;max-width:42em;color:var(--tw-muted)}
.chart{margin:1.75rem 0 0}
.chart p{margin:.1rem 0 .25rem;color:var(--tw-muted);font-size:.9375rem;max-width:44em}
.chart .wide{display:none}
.chart .wide svg{width:100%}
.chart .narrow svg,.chart .any svg{width:100%;max-width:30rem}
.pair{display:grid;gap:0 2rem}
.findings{list-style:none;margin:1.25rem 0 0;padding:0}
.findings li{position:relative;padding:1rem 0 1.1rem 2.6rem;border-top:1px solid var(--line)}
.findings li:last-child{border-bottom:1px solid var(--line)}
.findings svg{position:absolute;left:0;top:1.1rem;width:1.5rem;height:1.5rem}
.findings h3{font-size:1.0625rem}
.findings p{margin:.2rem 0 0;max-width:44em}
.info{color:var(--tw-series-0)}.good{color:var(--good)}.warning{color:var(--warning)}.error{color:var(--error)}
.findings h3,.findings p{color:var(--tw-ink)}
.findings .where{color:var(--tw-muted);font-size:.9375rem}
.facts{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(17rem,100%),1fr));gap:0 2.5rem;margin:1.25rem 0 0}
.facts div{display:flex;gap:1rem;justify-content:space-between;padding:.5rem 0;border-top:1px solid var(--line)}
.facts dt{color:var(--tw-muted)}
.facts dd{margin:0;text-align:right;overflow-wrap:anywhere;font-variant-numeric:tabular-nums}
.metrics{width:100%;margin-top:1.25rem}
.metrics th,.metrics td{padding:.6rem 1.25rem .6rem 0;border-bottom:1px solid var(--line)}
.metrics thead th{font-weight:400;color:var(--tw-muted);font-size:.875rem;padding-top:0;border-color:var(--line)}
.metrics tbody th{font-weight:400;white-space:normal;min-width:7rem}
.metrics .ours{font-weight:600}
.metrics tr>:last-child{padding-right:0}
pre{margin:1.25rem 0 0;padding:1rem 1.25rem;overflow:auto;border:1px solid var(--line);border-radius:.5rem;font:.875rem/1.6 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
footer{margin-top:3.5rem;padding-top:1rem;border-top:1px solid var(--line);color:var(--tw-muted);font-size:.875rem}
a{color:inherit}
:focus-visible{outline:2px solid var(--tw-series-0);outline-offset:3px;border-radius:2px}
@media(min-width:40rem){.chart .wide{display:block}.chart .wide+.narrow{display:none}}
@media(min-width:52rem){.pair{grid-template-columns:1fr 1fr}}
@media(min-width:64rem){
.body{display:grid;grid-template-columns:11rem minmax(0,1fr);gap:0 3.5rem}
nav{display:block;font-size:.9375rem}
nav ul{position:sticky;top:2.5rem;list-style:none;margin:3.6rem 0 0;padding:0}
nav a{display:block;padding:.3rem 0;color:var(--tw-muted);text-decoration:none}
nav a:hover{color:var(--tw-ink);text-decoration:underline}
}
@media print{nav{display:none}.body{display:block}section{break-inside:avoid}}
`;
