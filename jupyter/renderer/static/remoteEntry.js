/* global window, document, ResizeObserver */
// A prebuilt JupyterLab extension without a bundler: what webpack's module federation would generate, by hand.
(() => {
  const mimeType = "application/vnd.plotly.v1+json";
  const folder = document.currentScript.src.replace(/[^/]*$/, "");

  // plotly.js is loaded when the browser has time, or with the first figure.
  let plotly;
  const loadPlotly = () =>
    (plotly ??= new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = `${folder}plotly.js`;
      script.onload = () => resolve(window.Plotly);
      script.onerror = () => reject(new Error(`${script.src} can't be loaded; run: npm run setup`));
      document.head.append(script);
    }));

  const makeRenderer = (Widget) =>
    class FigureRenderer extends Widget {
      constructor() {
        super();
        this.addClass("twotemp-figure");
        this.resized = new ResizeObserver(() => this.fit());
        this.resized.observe(this.node);
      }

      // Called again with the new figure on every update of the display: `react` changes what differs.
      async renderModel(model) {
        const Plotly = await loadPlotly();
        if (this.isDisposed) return;
        const { data = [], layout = {}, config = {}, frames } = model.data[mimeType];
        const figure = { data, layout: { autosize: true, ...layout }, config: { responsive: false, ...config } };
        if (!layout.height) this.node.style.minHeight = "360px";
        await Plotly.react(this.node, frames ? { ...figure, frames } : figure);
        this.drawn = true;
      }

      fit() {
        if (this.drawn && this.isVisible && this.node.offsetWidth > 0) window.Plotly.Plots.resize(this.node);
      }

      dispose() {
        if (this.isDisposed) return;
        this.resized.disconnect();
        if (this.drawn) window.Plotly.purge(this.node);
        super.dispose();
      }
    };

  let shared;
  window._JUPYTERLAB ??= {};
  window._JUPYTERLAB["twotemp-figures"] = {
    init(scope) {
      shared = scope;
    },
    async get() {
      window.requestIdleCallback?.(() => loadPlotly().catch(() => {}));
      const versions = Object.values(shared["@lumino/widgets"]);
      const { Widget } = (await versions[0].get())();
      const FigureRenderer = makeRenderer(Widget);
      const rendererFactory = {
        safe: true,
        mimeTypes: [mimeType],
        defaultRank: 0,
        createRenderer: () => new FigureRenderer(),
      };
      const extension = { id: "twotemp-figures:renderer", rendererFactory, rank: 0, dataType: "json" };
      return () => ({ __esModule: true, default: extension });
    },
  };
})();
