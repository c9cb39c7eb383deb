// Starts GraphiQL and gives it a fetcher: queries and mutations are one POST; subscriptions, and what is
// answered in parts because of @defer, are server-sent events read from a POST, so that the header editor
// works for all. GraphiQL merges the parts by itself.
(function () {
  'use strict';

  var settings = JSON.parse(document.getElementById('settings').textContent);
  var e = React.createElement;

  function post(params, headers, accept, signal) {
    return fetch(settings.endpoint, {
      method: 'POST',
      headers: Object.assign({}, headers, { 'content-type': 'application/json', accept: accept }),
      body: JSON.stringify(params),
      signal: signal,
    });
  }

  function problem(message) {
    return { errors: [{ message: message }] };
  }

  async function once(params, headers) {
    var response = await post(params, headers, 'application/graphql-response+json, application/json;q=0.9');
    var text = await response.text();
    try {
      return JSON.parse(text);
    } catch (_) {
      return problem('HTTP ' + response.status + ': ' + text.slice(0, 500));
    }
  }

  // events splits a response body into server-sent events, each {event, data}.
  async function* events(body) {
    var reader = body.pipeThrough(new TextDecoderStream()).getReader();
    var rest = '';
    for (;;) {
      var chunk = await reader.read();
      if (chunk.done) return;
      rest += chunk.value;
      for (var end = rest.indexOf('\n\n'); end >= 0; end = rest.indexOf('\n\n')) {
        var event = { event: 'message', data: '' };
        rest.slice(0, end).split('\n').forEach(function (line) {
          var colon = line.indexOf(':');
          var name = line.slice(0, colon);
          if (colon > 0) event[name] = line.slice(colon + 1).replace(/^ /, '');
        });
        rest = rest.slice(end + 2);
        yield event;
      }
    }
  }

  // many is an observable of results that come one by one; leaving it aborts the request.
  function many(params, headers) {
    return {
      subscribe: function (observer) {
        var stop = new AbortController();
        (async function () {
          var response = await post(params, headers, 'text/event-stream', stop.signal);
          if ((response.headers.get('content-type') || '').indexOf('text/event-stream') !== 0) {
            var text = await response.text();
            try {
              observer.next(JSON.parse(text));
            } catch (_) {
              observer.next(problem('HTTP ' + response.status + ': ' + text.slice(0, 500)));
            }
            return observer.complete();
          }
          for await (var event of events(response.body)) {
            if (event.event === 'complete') break;
            if (event.event === 'next') observer.next(JSON.parse(event.data));
          }
          observer.complete();
        })().catch(function (error) {
          if (!stop.signal.aborted) observer.error(error);
        });
        return { unsubscribe: function () { stop.abort(); } };
      },
    };
  }

  // isSubscription looks up the operation that will run in the document GraphiQL has parsed.
  function isSubscription(params, options) {
    var document = options && options.documentAST;
    if (!document) return false;
    var operations = document.definitions.filter(function (d) { return d.kind === 'OperationDefinition'; });
    var chosen = operations.find(function (d) { return d.name && d.name.value === params.operationName; }) || operations[0];
    return !!chosen && chosen.operation === 'subscription';
  }

  function fetcher(params, options) {
    var headers = (options && options.headers) || {};
    var several = isSubscription(params, options) || /@defer\b/.test(params.query);
    return several ? many(params, headers) : once(params, headers);
  }

  var props = { fetcher: fetcher, isHeadersEditorEnabled: true, shouldPersistHeaders: false };
  if (settings.tabs.length > 0) {
    var first = settings.tabs[0];
    props.defaultTabs = settings.tabs;
    props.defaultHeaders = first.headers || '';
    // GraphiQL shows the first tab's variables by this prop alone, and remembers tabs by itself.
    if (!localStorage.getItem('graphiql:tabState')) props.variables = first.variables || '';
  }
  var title = e(GraphiQL.Logo, null, settings.title);
  ReactDOM.createRoot(document.getElementById('graphiql')).render(e(GraphiQL, props, title));
})();
