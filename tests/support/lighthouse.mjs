// Lighthouse on many addresses with one Chromium: each line of the answer is a page's marks and what failed.
// node lighthouse.mjs PACKAGE-FOLDER CHROMIUM-PORT ADDRESS…
const [folder, port, ...addresses] = process.argv.slice(2);
const { default: lighthouse } = await import(`${folder}/core/index.js`);
const flags = { port: Number(port), logLevel: "error" };
// Nothing is loaded after the page itself, so there is nothing to wait for; speed is not judged here.
const settings = {
  onlyCategories: ["accessibility", "best-practices"],
  // It is served without TLS only because this is a test.
  skipAudits: ["is-on-https", "redirects-http"],
  pauseAfterFcpMs: 0, pauseAfterLoadMs: 0, networkQuietThresholdMs: 0, cpuQuietThresholdMs: 0,
  disableFullPageScreenshot: true, disableStorageReset: true, skipAboutBlank: true,
};
for (const address of addresses) {
  const { lhr } = await lighthouse(address, flags, { extends: "lighthouse:default", settings });
  const failed = Object.values(lhr.audits).filter((audit) => audit.score === 0).map((audit) => audit.id);
  const marks = Object.values(lhr.categories).map((category) => [category.id, category.score * 100]);
  console.log(JSON.stringify({ address, failed, marks: Object.fromEntries(marks), error: lhr.runtimeError }));
}
