// What an episode needs of a MiniWoB++ page, beside the page's own `core`.
window.__episode = {
  // The page's own timer never ends an episode: how fast an agent thinks is not what is asked.
  begin(seed) {
    core.EPISODE_MAX_TIME = 1e9;
    Math.seedrandom(seed);
    core.startEpisodeReal();
  },

  // As JSON, like the recordings: what is no plain value (the class of an SVG element) becomes {}.
  state() {
    const told = core.getUtterance();
    const page = core.getDOMInfo();
    const options = {};
    for (const [ref, element] of Object.entries(core.previousDOMInfo)) {
      if (element instanceof HTMLSelectElement && element.size <= 1 && !element.multiple) {
        options[ref] = Array.from(element.options, (option) => option.text.trim());
      }
    }
    return JSON.stringify({
      done: WOB_DONE_GLOBAL,
      reward: WOB_RAW_REWARD_GLOBAL,
      instruction: typeof told === "string" ? told : told.utterance,
      fields: typeof told === "string" ? {} : told.fields,
      page,
      options,
    });
  },

  element(ref) {
    return core.previousDOMInfo[ref];
  },

  hasFocus(ref) {
    return document.activeElement === core.previousDOMInfo[ref];
  },

  // A date has parts: the first one gets the keys.
  focusAnew(ref) {
    core.previousDOMInfo[ref].blur();
    core.previousDOMInfo[ref].focus();
  },

  // Where to press so that the element itself gets it; else something in it; else the middle of its box.
  point(ref) {
    const element = core.previousDOMInfo[ref];
    element.scrollIntoViewIfNeeded();
    let within = null;
    for (const box of element.getClientRects()) {
      for (const down of [0.5, 0.25, 0.75]) {
        for (const across of [0.5, 0.25, 0.75, 0.1, 0.9]) {
          const place = [box.left + across * box.width, box.top + down * box.height];
          const hit = document.elementFromPoint(...place);
          if (hit === element) return place;
          if (hit && element.contains(hit)) within = within || place;
        }
      }
    }
    const box = element.getBoundingClientRect();
    return within || [box.left + box.width / 2, box.top + box.height / 2];
  },
};
