/// The page of a report: one file without anything from elsewhere.
enum ReportPage {
    /// The page with its data, JavaScript declarations.
    static func html(title: String, data: String) -> String {
        """
        <!doctype html>
        <html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
        <title>\(title)</title>
        <style>
        \(style)
        </style></head>
        <body>
        <header><h1>\(title)</h1><nav id="tabs" aria-label="Sections"></nav></header>
        <main id="main"></main>
        <dialog id="viewer" aria-label="Picture"></dialog>
        <noscript>This report needs JavaScript; figures.json beside it has all figures.</noscript>
        <script>
        \(data)
        \(script)
        </script>
        </body></html>

        """
    }

    private static let style = #"""
        :root { color-scheme: light dark; --back: #fff; --text: #1c1f23; --soft: #5d6670; --line: #d9dde2; --panel: #f5f6f8;
          --accent: #1f6feb; --true: #009e73; --false: #d55e00; --missed: #0072b2; --crowd: #888; }
        @media (prefers-color-scheme: dark) { :root { --back: #15181c; --text: #e6e8ea; --soft: #9aa4ae; --line: #32383f;
          --panel: #1d2126; --accent: #6aa6ff; --true: #2fd3a3; --false: #ff8a3d; --missed: #58b4f0; } }
        * { box-sizing: border-box; }
        body { margin: 0; background: var(--back); color: var(--text); font: 15px/1.45 system-ui, sans-serif; }
        header { position: sticky; top: 0; z-index: 2; background: var(--back); border-bottom: 1px solid var(--line); padding: 10px 20px 0; }
        h1 { font-size: 18px; margin: 0 0 6px; } h2 { font-size: 17px; margin: 24px 0 2px; }
        nav button { border: 0; background: none; color: var(--soft); font: inherit; padding: 6px 12px; cursor: pointer;
          border-bottom: 3px solid transparent; }
        nav button[aria-current=true] { color: var(--text); border-color: var(--accent); }
        main { padding: 12px 20px 60px; max-width: 1400px; margin: 0 auto; }
        p.rule { color: var(--soft); margin: 0 0 10px; max-width: 90ch; font-size: 13px; }
        .tiles { display: flex; flex-wrap: wrap; gap: 10px; margin: 16px 0; }
        .tile { background: var(--panel); border: 1px solid var(--line); border-radius: 8px; padding: 8px 14px; min-width: 110px; }
        .tile b { display: block; font-size: 22px; font-variant-numeric: tabular-nums; } .tile span { color: var(--soft); font-size: 12px; }
        table { border-collapse: collapse; margin-bottom: 14px; font-variant-numeric: tabular-nums; }
        th, td { padding: 3px 10px; border-bottom: 1px solid var(--line); text-align: right; white-space: nowrap; }
        th:first-child, td:first-child, td.text, th.text { text-align: left; }
        th button { all: unset; cursor: pointer; font-weight: 600; } th button:focus-visible, .card:focus-visible { outline: 2px solid var(--accent); }
        tr.link { cursor: pointer; } tr.link:hover, tr.link:focus-visible { background: var(--panel); }
        .scroll { overflow-x: auto; }
        .bar { display: inline-block; height: 10px; margin-left: 8px; background: var(--accent); border-radius: 2px; vertical-align: middle; }
        input[type=search], select { font: inherit; padding: 4px 8px; border: 1px solid var(--line); border-radius: 6px;
          background: var(--back); color: var(--text); }
        .tools { display: flex; flex-wrap: wrap; gap: 14px; align-items: center; margin: 14px 0; }
        .cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(230px, 1fr)); gap: 12px; }
        .card { border: 1px solid var(--line); border-radius: 8px; overflow: hidden; background: var(--panel); cursor: pointer; }
        .card figcaption, figure { margin: 0; } .card figcaption { padding: 5px 8px; font-size: 12px; overflow: hidden;
          text-overflow: ellipsis; white-space: nowrap; }
        .frame { position: relative; width: 100%; height: 170px; background: #8883; display: flex; justify-content: center; }
        .stack { position: relative; height: 100%; } .stack img { display: block; height: 100%; width: 100%; }
        .stack svg { position: absolute; inset: 0; width: 100%; height: 100%; }
        .yes { stroke: var(--true); } .no { stroke: var(--false); } .miss { stroke: var(--missed); stroke-dasharray: 6 4; }
        .crowd { stroke: var(--crowd); stroke-dasharray: 2 3; }
        .stack rect, .stack path { fill: none; vector-effect: non-scaling-stroke; stroke-width: 2; }
        .stack path { fill-rule: evenodd; fill-opacity: 0.2; } path.yes { fill: var(--true); } path.no { fill: var(--false); }
        path.miss { fill: var(--missed); } .stack text { font: 600 12px system-ui; fill: #fff;
          paint-order: stroke; stroke: #000c; stroke-width: 3px; }
        .key { font-size: 13px; } .key i { display: inline-block; width: 12px; height: 12px; border: 2px solid; margin-right: 5px; }
        dialog { width: min(1200px, 96vw); height: 94vh; border: 1px solid var(--line); border-radius: 10px; background: var(--back);
          color: var(--text); padding: 12px; } dialog::backdrop { background: #000a; }
        dialog .frame { height: calc(94vh - 130px); } dialog p { margin: 4px 0 8px; }
        .chart { max-width: 720px; } .chart text { fill: var(--soft); font-size: 11px; } .chart .axis { stroke: var(--line); }
        button.plain { font: inherit; border: 1px solid var(--line); background: var(--panel); color: var(--text); border-radius: 6px;
          padding: 3px 10px; cursor: pointer; }
        kbd { border: 1px solid var(--line); border-radius: 4px; padding: 0 4px; font-size: 12px; }
        """#

    private static let script = #"""
        'use strict';
        const $ = (selector, root = document) => root.querySelector(selector);
        const element = (name, properties = {}, ...children) => {
          const node = Object.assign(document.createElement(name), properties);
          node.append(...children.filter(child => child !== null && child !== undefined));
          return node;
        };
        const svg = (name, attributes = {}, ...children) => {
          const node = document.createElementNS('http://www.w3.org/2000/svg', name);
          for (const key in attributes) node.setAttribute(key, attributes[key]);
          node.append(...children);
          return node;
        };
        const share = value => value === null || value === undefined ? '-' : value.toFixed(3);
        const percent = value => value === null || value === undefined ? '-' : value.toFixed(2);
        const difference = row => row.first === undefined || row.second === undefined ? null : row.second - row.first;
        const rule = name => element('p', { className: 'rule', textContent: report.rules[name] });
        const classes = report.classes;
        const classIndex = new Map(classes.map((entry, index) => [entry.id, index]));
        const className = id => classIndex.has(id) ? classes[classIndex.get(id)].name : String(id);
        const pictureIndex = new Map(report.pictures.map((entry, index) => [entry.image_id, index]));
        const kindNames = ['found', 'wrong class', 'overlaps too little', 'wrong class and place', 'duplicate', 'nothing there', 'in a crowd'];

        // Tables that sort by a click on a head and filter by a text.
        function table(columns, rows, { filter = false, limit = 200, open = null } = {}) {
          const box = element('div', { className: 'scroll' });
          const head = element('tr'), body = element('tbody');
          let sorted = null, falling = true, text = '', shown = limit;
          columns.forEach((column, place) => {
            const button = element('button', { textContent: column.title, title: 'Sort' });
            button.onclick = () => { falling = sorted === place ? !falling : !column.text; sorted = place; draw(); };
            head.append(element('th', { className: column.text ? 'text' : '', scope: 'col' }, button));
          });
          const more = element('button', { className: 'plain', textContent: 'more' });
          more.onclick = () => { shown += 500; draw(); };
          function draw() {
            let list = rows;
            if (text) list = list.filter(row => columns.some(c => c.text && String(c.value(row)).toLowerCase().includes(text)));
            if (sorted !== null) {
              const value = columns[sorted].value;
              const key = row => { const v = value(row); return v === null || v === undefined ? -Infinity : v; };
              list = [...list].sort((a, b) => (key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : 0) * (falling ? -1 : 1));
            }
            head.querySelectorAll('th').forEach((th, place) =>
              place === sorted ? th.setAttribute('aria-sort', falling ? 'descending' : 'ascending') : th.removeAttribute('aria-sort'));
            body.replaceChildren(...list.slice(0, shown).map(row => {
              const tr = element('tr', {}, ...columns.map(c =>
                element('td', { className: c.text ? 'text' : '' }, c.node ? c.node(row) : String((c.show ?? (v => v))(c.value(row))))));
              if (open) {
                tr.className = 'link'; tr.tabIndex = 0;
                tr.onclick = () => open(row);
                tr.onkeydown = event => { if (event.key === 'Enter') open(row); };
              }
              return tr;
            }));
            more.hidden = list.length <= shown;
          }
          if (filter) {
            const input = element('input', { type: 'search', placeholder: 'filter', ariaLabel: 'Filter' });
            input.oninput = () => { text = input.value.toLowerCase(); draw(); };
            box.append(element('div', { className: 'tools' }, input));
          }
          box.append(element('table', {}, element('thead', {}, head), body), more);
          draw();
          return box;
        }

        // A chart over 0...1 in both directions; the values under the pointer are shown.
        function chart(series, { x, y, bars = false }) {
          const width = 680, height = 300, left = 42, bottom = 30, top = 12, right = 12;
          const px = v => left + v * (width - left - right), py = v => height - bottom - v * (height - top - bottom);
          const root = svg('svg', { viewBox: `0 0 ${width} ${height}`, class: 'chart', role: 'img', 'aria-label': `${y} against ${x}` });
          for (let step = 0; step <= 5; step++) {
            const value = step / 5;
            root.append(svg('line', { x1: px(0), x2: px(1), y1: py(value), y2: py(value), class: 'axis' }),
              svg('text', { x: left - 6, y: py(value) + 4, 'text-anchor': 'end' }, value.toFixed(1)),
              svg('text', { x: px(value), y: height - bottom + 15, 'text-anchor': 'middle' }, value.toFixed(1)));
          }
          root.append(svg('text', { x: px(0.5), y: height - 2, 'text-anchor': 'middle' }, x));
          if (bars) root.append(svg('line', { x1: px(0), y1: py(0), x2: px(1), y2: py(1), class: 'axis', 'stroke-dasharray': '4 4' }));
          for (const line of series) {
            if (bars) for (const point of line.points)
              root.append(svg('rect', { x: px(point.low) + 1, width: Math.max(px(point.high) - px(point.low) - 2, 1), y: py(point.y),
                height: py(0) - py(point.y), fill: line.color, opacity: 0.75 }));
            else root.append(svg('polyline', { points: line.points.map(p => `${px(p.x)},${py(p.y)}`).join(' '), fill: 'none',
              stroke: line.color, 'stroke-width': 2 }));
          }
          const cross = svg('line', { y1: py(0), y2: py(1), stroke: 'currentColor', 'stroke-width': 1, visibility: 'hidden' });
          root.append(cross);
          const legend = element('p', { className: 'rule' });
          const rest = () => legend.replaceChildren(...series.flatMap(line => {
            const mark = element('span', { textContent: '■ ' }); mark.style.color = line.color;
            return [mark, line.name + '   '];
          }));
          root.onpointermove = event => {
            const box = root.getBoundingClientRect();
            const value = ((event.clientX - box.left) / box.width * width - left) / (width - left - right);
            const near = series.map(line => line.points.reduce((best, p) =>
              Math.abs(p.x - value) < Math.abs(best.x - value) ? p : best, line.points[0]));
            if (!near[0]) return;
            cross.setAttribute('x1', px(near[0].x)); cross.setAttribute('x2', px(near[0].x)); cross.setAttribute('visibility', 'visible');
            legend.textContent = `${x} ${near[0].x.toFixed(3)}: ` +
              series.map((line, k) => `${line.name} ${near[k].y.toFixed(3)}${near[k].note ?? ''}`).join(', ');
          };
          root.onpointerleave = () => { cross.setAttribute('visibility', 'hidden'); rest(); };
          rest();
          return element('div', {}, root, legend);
        }

        // Pictures: pages of objects and detections are loaded when one of their pictures is shown.
        const pages = new Map(), waiting = new Map();
        function page(number, contents) { pages.set(number, contents); waiting.get(number)?.resolve(contents); }
        function load(number) {
          if (pages.has(number)) return Promise.resolve(pages.get(number));
          if (!waiting.has(number)) {
            let resolve;
            const promise = new Promise(done => { resolve = done; });
            waiting.set(number, { promise, resolve });
            document.head.append(element('script', { src: `pictures/${number}.js` }));
          }
          return waiting.get(number).promise;
        }
        const view = { yes: true, no: true, miss: true, masks: hasMasks, threshold: report.score_threshold, text: '', pair: null, only: '', kind: '' };

        function boxes(contents, row, withLabels) {
          let [width, height] = [row.width, row.height];
          if (!(width && height)) for (const b of [...contents.t.map(t => t.slice(1, 5)), ...contents.d.map(d => d.slice(3))])
            { width = Math.max(width, b[0] + b[2]); height = Math.max(height, b[1] + b[3]); }
          const root = svg('svg', { viewBox: `0 0 ${width || 1} ${height || 1}`, preserveAspectRatio: 'none' });
          const scale = Math.max(width, height) / 700;
          const add = (name, label, [x, y, w, h], path) => {
            const shape = view.masks && path ? svg('path', { class: name, d: path }) : svg('rect', { class: name, x, y, width: w, height: h });
            shape.append(svg('title', {}, label));
            root.append(shape);
            if (withLabels) root.append(svg('text', { x: x + 2 * scale, y: name === 'yes' || name === 'no' ? Math.max(y - 4 * scale, 12 * scale) : y + h - 4 * scale, style: `font-size:${13 * scale}px;stroke-width:${3 * scale}px` }, label));
          };
          for (const [place, t] of contents.t.entries()) {
            const path = contents.tp?.[place];
            if (t[5] === -2) add('crowd', `crowd of ${classes[t[0]].name}`, t.slice(1, 5), path);
            else if (view.miss && t[5] < view.threshold) add('miss', `missed ${classes[t[0]].name}`, t.slice(1, 5), path);
          }
          for (const [place, d] of contents.d.entries()) {
            if (d[2] < view.threshold || !(d[0] === 0 ? view.yes : view.no)) continue;
            add(d[0] === 0 ? 'yes' : d[0] === 6 ? 'crowd' : 'no', `${classes[d[1]].name} ${d[2].toFixed(2)}${d[0] ? ' (' + kindNames[d[0]] + ')' : ''}`, d.slice(3), contents.dp?.[place]);
          }
          return root;
        }
        function stack(place, contents, withLabels) {
          const row = pictureRows[place];
          const drawing = boxes(contents, row, withLabels);
          const [, , width, height] = drawing.getAttribute('viewBox').split(' ').map(Number);
          const box = element('div', { className: 'stack' });
          box.style.aspectRatio = `${width} / ${height}`; box.style.maxWidth = '100%';
          // Lists show the small copy; a picture that is opened is the picture itself.
          const source = withLabels ? row.address ?? row.thumbnail : row.thumbnail ?? row.address;
          if (source) box.append(element('img', { src: source, loading: 'lazy', alt: row.name }));
          box.append(drawing);
          return box;
        }
        function matching() {
          const text = view.text.toLowerCase();
          return pictureRows.map((_, place) => place).filter(place => {
            const row = pictureRows[place], summary = report.pictures[place];
            if (text && !row.name.toLowerCase().includes(text)) return false;
            if (view.pair && !row.pairs.some(p => p[0] === view.pair[0] && p[1] === view.pair[1])) return false;
            if (view.only === 'false' && !summary.false_positives) return false;
            if (view.only === 'missed' && !summary.false_negatives) return false;
            return true;
          });
        }
        let list = [], shown = 48, current = -1;
        function switches() {
          const box = element('div', { className: 'tools' });
          for (const [key, name, color, letter] of [['yes', 'right', '--true', '1'], ['no', 'wrong', '--false', '2'], ['miss', 'missed', '--missed', '3']]) {
            const input = element('input', { type: 'checkbox', checked: view[key] });
            input.dataset.key = key;
            input.onchange = () => { view[key] = input.checked; redraw(); };
            const mark = element('i'); mark.style.borderColor = `var(${color})`;
            box.append(element('label', { className: 'key' }, input, ' ', mark, `${name} `, element('kbd', { textContent: letter })));
          }
          if (hasMasks) {
            const input = element('input', { type: 'checkbox', checked: view.masks });
            input.dataset.key = 'masks';
            input.onchange = () => { view.masks = input.checked; redraw(); };
            box.append(element('label', { className: 'key' }, input, ' masks in place of boxes ', element('kbd', { textContent: '4' })));
          }
          const slider = element('input', { type: 'range', min: Math.min(report.score_threshold, 0.05), max: 1, step: 0.01, value: view.threshold, ariaLabel: 'Score threshold' });
          const value = element('span', { textContent: `score from ${view.threshold.toFixed(2)}` });
          slider.oninput = () => { view.threshold = Number(slider.value); value.textContent = `score from ${view.threshold.toFixed(2)}`; redraw(); };
          box.append(slider, value);
          return box;
        }
        let redraw = () => {};
        function picturesSection() {
          const cards = element('div', { className: 'cards' });
          const count = element('span'), more = element('button', { className: 'plain', textContent: 'more pictures' });
          const search = element('input', { type: 'search', placeholder: 'file name  ( / )', id: 'search', value: view.text, ariaLabel: 'File name' });
          const only = element('select', { ariaLabel: 'Which pictures' }, ...[['', 'all pictures'], ['false', 'with wrong detections'], ['missed', 'with missed objects']]
            .map(([value, text]) => element('option', { value, textContent: text, selected: view.only === value })));
          const pair = element('button', { className: 'plain', hidden: !view.pair });
          if (view.pair) pair.textContent = `${classes[view.pair[0]].name} taken for ${classes[view.pair[1]].name}  ×`;
          pair.onclick = () => { view.pair = null; pair.hidden = true; redraw(); };
          search.oninput = () => { view.text = search.value; shown = 48; redraw(); };
          only.onchange = () => { view.only = only.value; shown = 48; redraw(); };
          more.onclick = () => { shown += 48; redraw(); };
          let run = 0;
          redraw = async () => {
            const own = ++run;
            list = matching();
            count.textContent = `${list.length} of ${pictureRows.length}`;
            more.hidden = list.length <= shown;
            const part = list.slice(0, shown);
            const figures = part.map(place => {
              const summary = report.pictures[place];
              const frame = element('div', { className: 'frame' });
              const card = element('figure', { className: 'card', tabIndex: 0 }, frame,
                element('figcaption', { title: pictureRows[place].name, textContent:
                  `${summary.false_positives} wrong, ${summary.false_negatives} missed, ${summary.true_positives} right · ${pictureRows[place].name}` }));
              card.onclick = () => openPicture(place);
              card.onkeydown = event => { if (event.key === 'Enter') openPicture(place); };
              load(Math.floor(place / pageSize)).then(contents => {
                if (own === run) frame.replaceChildren(stack(place, contents[place % pageSize], false));
              });
              return card;
            });
            cards.replaceChildren(...figures);
            if ($('#viewer').open && current >= 0) showPicture(current);
          };
          redraw();
          return [element('h2', { textContent: 'Pictures' }), rule('pictures'),
            element('p', { className: 'rule' }, 'Keys: ', element('kbd', { textContent: 'j' }), ' next, ', element('kbd', { textContent: 'k' }), ' previous, ',
              element('kbd', { textContent: 'Enter' }), ' open, ', element('kbd', { textContent: 'Esc' }), ' close.'),
            switches(), element('div', { className: 'tools' }, search, only, pair, count), cards, more];
        }
        async function showPicture(place) {
          current = place;
          const row = pictureRows[place], summary = report.pictures[place];
          const contents = (await load(Math.floor(place / pageSize)))[place % pageSize];
          if (current !== place) return;
          const close = element('button', { className: 'plain', textContent: 'close' });
          close.onclick = () => $('#viewer').close();
          $('#viewer').replaceChildren(
            element('p', {}, element('b', { textContent: row.name }), ` · image ${summary.image_id} · ${summary.false_positives} wrong, ${summary.false_negatives} missed, ${summary.true_positives} right from a score of ${report.score_threshold.toFixed(3)}  `, close),
            switches(), element('div', { className: 'frame' }, stack(place, contents, true)));
        }
        function openPicture(place) { if (!$('#viewer').open) $('#viewer').showModal(); showPicture(place); }
        function move(by) {
          if (!list.length) list = matching();
          const at = list.indexOf(current);
          const next = list[Math.min(Math.max(at + by, 0), list.length - 1)];
          if (next !== undefined) openPicture(next);
        }
        document.addEventListener('keydown', event => {
          if (event.target.matches('input[type=search], select') || event.ctrlKey || event.metaKey || event.altKey) return;
          if (event.key === 'j' || (event.key === 'ArrowRight' && $('#viewer').open)) move(1);
          else if (event.key === 'k' || (event.key === 'ArrowLeft' && $('#viewer').open)) move(-1);
          else if (event.key === '/') { event.preventDefault(); show('pictures'); $('#search').focus(); }
          else if (['1', '2', '3'].includes(event.key) || (event.key === '4' && hasMasks)) {
            const key = ['yes', 'no', 'miss', 'masks'][Number(event.key) - 1];
            view[key] = !view[key];
            document.querySelectorAll(`input[data-key=${key}]`).forEach(input => { input.checked = view[key]; });
            redraw();
          }
        });

        const sections = {
          overview() {
            const all = report.parts[0], nodes = [];
            const tile = (value, name) => element('div', { className: 'tile' }, element('b', { textContent: value }), element('span', { textContent: name }));
            nodes.push(element('h2', { textContent: 'Average precision' }), rule('average_precision'),
              element('p', { className: 'rule', textContent: `${report.images} images, ${report.detections} detections.` }));
            nodes.push(element('div', { className: 'tiles' }, ...report.parts.flatMap(part => [tile(share(part.AP), `AP, ${part.name}`), tile(share(part.AP50), `AP50, ${part.name}`)]),
              report.best_threshold ? tile(share(report.best_threshold.f1), `best F1, at score ${share(report.best_threshold.threshold)}`) : null,
              tile(share(report.lrp.oLRP), 'oLRP'), report.calibration ? tile(share(report.calibration.d_ece), 'D-ECE') : null));
            nodes.push(element('h2', { textContent: 'What errors cost' }), rule('errors'));
            const kinds = ['Cls', 'Loc', 'Both', 'Dupe', 'Bkg', 'Miss', 'FalsePos', 'FalseNeg'];
            const most = Math.max(...report.parts.flatMap(part => kinds.map(kind => part.errors[kind])), 0.01);
            nodes.push(table([{ title: 'kind', text: true, value: kind => kind }, { title: 'count', value: kind => report.error_counts[kind] ?? null, show: v => v ?? '' },
              ...report.parts.map(part => ({ title: `${part.name}, AP in %`, value: kind => part.errors[kind], node: kind => {
                const bar = element('span', { className: 'bar' }); bar.style.width = `${160 * part.errors[kind] / most}px`;
                return element('span', {}, percent(part.errors[kind]).padStart(6, '\u2007'), bar); }, text: true }))], kinds));
            if (report.intervals.length) nodes.push(element('h2', { textContent: 'Intervals' }), rule('intervals'), table([
              { title: 'classes', text: true, value: row => row.part }, { title: 'figure', text: true, value: row => row.figure },
              { title: 'value', value: row => row.value, show: share }, { title: 'low', value: row => row.low, show: share }, { title: 'high', value: row => row.high, show: share }], report.intervals));
            if (report.differences.length) nodes.push(element('h2', { textContent: 'Compared with the other detections' }), rule('differences'), table([
              { title: 'classes', text: true, value: row => row.part }, { title: 'figure', text: true, value: row => row.figure },
              { title: 'first', value: row => row.first, show: share }, { title: 'second', value: row => row.second, show: share },
              { title: 'difference', value: row => difference(row), show: share },
              { title: 'low', value: row => row.low, show: share }, { title: 'high', value: row => row.high, show: share },
              { title: 'p', value: row => row.p_value, show: share }], report.differences, { filter: true, limit: 3 * report.parts.length + 10 }));
            nodes.push(element('h2', { textContent: 'Recall' }), rule('recall'));
            for (const [name, groups] of Object.entries(report.recall)) nodes.push(table([
              { title: name, text: true, value: row => row.name }, { title: 'rule', text: true, value: row => row.rule },
              { title: 'objects', value: row => row.objects }, { title: 'recall', value: row => row.objects ? row.found / row.objects : null, show: share }], groups));
            if (report.slices.length) nodes.push(element('h2', { textContent: 'Slices' }), rule('slices'), table([
              { title: 'slice', text: true, value: row => row.rule }, { title: 'images', value: row => row.images }, { title: 'objects', value: row => row.objects },
              { title: 'AP', value: row => row.AP, show: share }, { title: 'AP50', value: row => row.AP50, show: share }], report.slices));
            if (report.notices.length) nodes.push(element('h2', { textContent: 'Notes' }), ...report.notices.map(note => element('p', { textContent: note })));
            return nodes;
          },
          classes: () => [element('h2', { textContent: 'Classes' }), rule('average_precision'), rule('thresholds'), table([
            { title: 'class', text: true, value: row => row.name }, { title: 'part', text: true, value: row => row.part ?? '' },
            { title: 'objects', value: row => row.objects }, { title: 'detections', value: row => row.detections },
            { title: 'AP', value: row => row.AP, show: share }, { title: 'AP50', value: row => row.AP50, show: share },
            { title: 'best threshold', value: row => row.best_threshold, show: share }, { title: 'F1', value: row => row.f1, show: share },
            { title: 'precision', value: row => row.precision, show: share }, { title: 'recall', value: row => row.recall, show: share },
            { title: 'oLRP', value: row => row.oLRP, show: share }, { title: 'D-ECE', value: row => row.d_ece, show: share }], classes, { filter: true })],
          confusions: () => [element('h2', { textContent: 'Confused classes' }), rule('confusion'),
            element('p', { className: 'rule', textContent: 'A row opens the pictures in which TIDE finds this confusion.' }), table([
              { title: 'objects of', text: true, value: row => className(row.truth) }, { title: 'taken for', text: true, value: row => className(row.prediction) },
              { title: 'count', value: row => row.count }], report.confusions, { filter: true, open: row => {
                view.pair = [classIndex.get(row.truth), classIndex.get(row.prediction)]; shown = 48; show('pictures'); } })],
          thresholds() {
            const points = [...report.operating_points].reverse();
            const nodes = [element('h2', { textContent: 'Precision, recall and F1 against the score threshold' }), rule('thresholds')];
            nodes.push(chart([['precision', '#0072b2', 'precision'], ['recall', '#d55e00', 'recall'], ['F1', '#009e73', 'f1']].map(([name, color, key]) =>
              ({ name, color, points: points.map(p => ({ x: p.threshold, y: p[key] })) })), { x: 'score threshold', y: 'precision, recall, F1' }));
            if (report.best_threshold) nodes.push(element('p', { textContent: `Best over all detections: score ${share(report.best_threshold.threshold)}, F1 ${share(report.best_threshold.f1)}. ` +
              (report.best_mean_threshold ? `Best mean over classes: score ${share(report.best_mean_threshold.threshold)}, F1 ${share(report.best_mean_threshold.f1)}.` : '') }));
            if (report.calibration) {
              nodes.push(element('h2', { textContent: 'Reliability of scores' }), rule('calibration'));
              nodes.push(chart([{ name: 'precision', color: '#0072b2', points: report.calibration.bins.map(b => ({ low: b[0], high: b[1], x: (b[0] + b[1]) / 2, y: b[3], note: ` (mean score ${b[2].toFixed(3)}, ${b[4]} detections)` })) }],
                { x: 'score', y: 'precision', bars: true }));
              nodes.push(element('p', { textContent: `D-ECE ${share(report.calibration.d_ece)}, greatest gap ${share(report.calibration.greatest_gap)}, LaECE ${share(report.calibration.laece)}.` }));
            }
            nodes.push(element('h2', { textContent: 'LRP' }), rule('lrp'), element('p', { textContent:
              `oLRP ${share(report.lrp.oLRP)}: 1 - IoU ${share(report.lrp.localization)}, 1 - precision ${share(report.lrp.false_positives)}, 1 - recall ${share(report.lrp.false_negatives)}.` }));
            return nodes;
          },
          labels: () => [element('h2', { textContent: 'Labels to look at' }), rule('suspects'), table([
            { title: 'picture', text: true, value: row => pictureRows[pictureIndex.get(row.image_id)].name }, { title: 'may be', text: true, value: row => row.kind },
            { title: 'detected', text: true, value: row => className(row.category_id) }, { title: 'score', value: row => row.score, show: share },
            { title: 'annotation', value: row => row.annotation_id ?? null, show: v => v ?? '' }], report.suspects,
            { filter: true, open: row => openPicture(pictureIndex.get(row.image_id)) })],
          pictures: picturesSection,
        };
        function show(name) {
          if (!(name in sections)) name = 'overview';
          document.querySelectorAll('#tabs button').forEach(button => button.setAttribute('aria-current', button.dataset.name === name));
          redraw = () => {};
          $('#main').replaceChildren(...sections[name]());
          if (location.hash !== '#' + name) history.replaceState(null, '', '#' + name);
        }
        for (const name of Object.keys(sections)) {
          const button = element('button', { textContent: name });
          button.dataset.name = name;
          button.onclick = () => show(name);
          $('#tabs').append(button);
        }
        $('#viewer').addEventListener('close', () => { current = -1; });
        addEventListener('hashchange', () => show(location.hash.slice(1)));
        show(location.hash.slice(1));
        """#
}
