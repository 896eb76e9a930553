"""What the page says by itself, in Japanese and in plain English: a field per sentence, so none can be forgotten."""

from __future__ import annotations

from dataclasses import dataclass

from cityos.client.words import Language
from cityos.vocabulary.snow import ClaimCode


@dataclass(frozen=True, slots=True)
class Text:
    """The sentences of one language. Braces are filled in by `page`."""

    title: str
    contents: str
    bus_heading: str
    stop_label: str
    stop_hint: str
    bus_caption: str
    bus_time: str
    bus_where: str
    bus_state: str
    platform: str
    bound_for: str
    planned_time: str
    stop_not_found: str
    shown_instead: str
    did_you_mean: str
    usual_stops: str
    no_stops: str
    transit_lost: str
    transit_old: str
    timetable_state: str
    ride_heading: str
    ride_lead: str
    ride_how: str
    ride_call: str
    ride_online: str
    hours_label: str
    hours: str
    running_now: str
    not_running: str
    fares_label: str
    fares: str
    points_label: str
    points_caption: str
    vehicles_caption: str
    vehicle: str
    place: str
    seats: str
    next_stop: str
    told_when: str
    between: str
    free_seats: str
    heading_for: str
    waiting: str
    vehicle_old: str
    no_vehicles: str
    snow_heading: str
    as_of: str
    other_language: str
    lead: str
    search_label: str
    search_hint: str
    search_button: str
    zones_heading: str
    zones_caption: str
    found_caption: str
    found_none: str
    show_all: str
    no_zones: str
    zone: str
    claim: str
    told: str
    evidence: str
    no_claim: str
    no_meaning: str
    planned_on: str
    order: str
    remark: str
    stale: str
    unknown_age: str
    evidence_note: str
    feeds_heading: str
    feeds_caption: str
    no_feeds: str
    feed: str
    state: str
    freshness: str
    contact: str
    source: str
    licence: str
    state_when_last_heard: str
    data_age: str
    no_data: str
    undated: str
    received_at: str
    telephone: str
    no_contact: str
    reload_note: str
    reload: str
    hub_lost: str
    nothing_yet: str
    unreadable: str


JA = Text(
    title="バスと雪の情報",
    contents="このページの内容",
    bus_heading="バスの発車",
    stop_label="バス停をさがす",
    stop_hint="バス停の名前を入れてください。ひらがなでもかまいません。",
    bus_caption="{stop}：これから出るバス",
    bus_time="時刻",
    bus_where="行き先",
    bus_state="状況",
    platform="{code}番のりば",
    bound_for="{place}行き",
    planned_time="時刻表では{time}",
    stop_not_found="「{stop}」というバス停は見つかりませんでした。",
    shown_instead="「{stop}」というバス停はありません。名前の近い「{name}」を表示しています。",
    did_you_mean="もしかして：",
    usual_stops="いつものバス停に戻る",
    no_stops="バス停の名前を入れると、これから出るバスが分かります。",
    transit_lost="いま、バスの案内につながりません。しばらくしてから、もう一度読み込んでください。",
    transit_old="いま、バスの案内につながりません。下の発車時刻は、{age}に受け取ったものです。",
    timetable_state="時刻表のデータの状態：{state}",
    ride_heading="予約して乗る車（デマンド交通）",
    ride_lead="予約した人が乗り合わせて、乗降場所から乗降場所まで走る車です。決まった路線や時刻表はありません。",
    ride_how="予約のしかた",
    ride_call="お電話で、乗る場所、降りる場所、時刻、人数をお知らせください。",
    ride_online="予約は、この車を走らせている窓口で受け付けています。",
    hours_label="運行時間",
    hours="{begins}から{ends}まで",
    running_now="（いま運行中）",
    not_running="（いまは運行時間外です）",
    fares_label="運賃（1回）",
    fares="大人{adult}円、子ども{child}円",
    points_label="乗降場所",
    points_caption="{count}か所の名前を見る",
    vehicles_caption="車の場所と空席。場所は、最後に停まった乗降場所です。",
    vehicle="車",
    place="いまの場所",
    seats="空席",
    next_stop="次の乗降場所",
    told_when="いつの情報か",
    between="乗降場所の間",
    free_seats="空席{count}",
    heading_for="次は{place}",
    waiting="待機中",
    vehicle_old="古い情報です。いまの場所は分かりません",
    no_vehicles="いま、車の場所は分かりません。",
    snow_heading="除雪の状況",
    as_of="{now} 現在",
    other_language="English",
    lead=(
        "「作業中」などのことばは、市の発表をそのまま載せたものです。"
        "「作業中」とあっても、今そこで除雪車が動いているとはかぎりません。"
        "いつの発表かも、あわせてご覧ください。"
    ),
    search_label="お住まいの工区をさがす",
    search_hint="工区の名前の一部を入れてください。全角でも半角でもかまいません。",
    search_button="さがす",
    zones_heading="工区ごとの状況",
    zones_caption="工区（除雪をする区域）ごとの市の発表。全部で{count}工区。",
    found_caption="「{query}」がつく工区：{found}件（全部で{count}工区）",
    found_none="「{query}」がつく工区は見つかりませんでした。文字を減らして、もう一度さがしてみてください。",
    show_all="すべての工区を見る",
    no_zones="いま、お知らせできる工区の情報はありません。",
    zone="工区",
    claim="市の発表",
    told="いつの発表か",
    evidence="作業の観測",
    no_claim="発表なし",
    no_meaning="このことばの意味は、発表に書かれていません。",
    planned_on="作業の予定日：",
    order="市の指令：",
    remark="備考：",
    stale="古い情報です（24時間以上前の発表）",
    unknown_age="いつの発表か分かりません",
    evidence_note=(
        "「作業は観測できません」は、除雪車の位置などを知る方法がなく、"
        "作業が行われたかどうかをここでは確かめられない、という意味です。"
    ),
    feeds_heading="情報のもと",
    feeds_caption="この町の情報がどこから来て、いつのものか。",
    no_feeds="情報のもとの一覧は、まだ受け取れていません。",
    feed="情報",
    state="状態",
    freshness="新しさ",
    contact="問い合わせ先",
    source="出典：",
    licence="利用条件：",
    state_when_last_heard="最後に確認したとき：{state}",
    data_age="{age}の情報",
    no_data="まだ情報がありません",
    undated="日時のないデータ",
    received_at="{time}に受け取りました",
    telephone="電話",
    no_contact="登録されていません",
    reload_note="このページは自動では新しくなりません。",
    reload="新しい情報を読み込む",
    hub_lost=(
        "いま、市のデータ基盤につながりません。下の内容は、{age}に受け取った最後の情報です。"
        "そのあとの発表は、まだ載っていません。"
    ),
    nothing_yet=(
        "申し訳ありません。いま、市のデータ基盤につながらず、まだ情報を受け取れていません。"
        "しばらくしてから、もう一度読み込んでください。お急ぎのときは、市の窓口へお電話ください。"
    ),
    unreadable="読み取れない工区の情報が{count}件あり、この表には載せていません。",
)

EN = Text(
    title="Buses and snow",
    contents="On this page",
    bus_heading="Bus departures",
    stop_label="Find your bus stop",
    stop_hint="Type its name, in English or in Japanese.",
    bus_caption="{stop}: next buses",
    bus_time="Time",
    bus_where="To",
    bus_state="How it runs",
    platform="Platform {code}",
    bound_for="{place}",
    planned_time="timetable: {time}",
    stop_not_found="No bus stop is called “{stop}”.",
    shown_instead="No bus stop is called “{stop}”. This is the one with a similar name, “{name}”.",
    did_you_mean="Did you mean: ",
    usual_stops="Back to the usual stops",
    no_stops="Type the name of a bus stop to see its next buses.",
    transit_lost="The bus information cannot be reached now. Please load this page again in a while.",
    transit_old="The bus information cannot be reached now. The departures below were received {age}.",
    timetable_state="State of the timetable's data: {state}",
    ride_heading="Rides to book (on-demand transit)",
    ride_lead="Shared vehicles that run when they are booked, between meeting points, without lines or a timetable.",
    ride_how="How to book",
    ride_call="Call and say where you get on and off, when, and how many you are.",
    ride_online="Bookings are taken by the office that runs these vehicles.",
    hours_label="Hours",
    hours="{begins} to {ends}",
    running_now=" (running now)",
    not_running=" (not running now)",
    fares_label="Fare per ride",
    fares="adults {adult} yen, children {child} yen",
    points_label="Meeting points",
    points_caption="Show the names of all {count}",
    vehicles_caption="Where the vehicles are (the meeting point each last stopped at) and their free seats.",
    vehicle="Vehicle",
    place="Where",
    seats="Free seats",
    next_stop="Next meeting point",
    told_when="When",
    between="between meeting points",
    free_seats="{count} free seats",
    heading_for="next: {place}",
    waiting="waiting",
    vehicle_old="Old: it is not known where this vehicle is now",
    no_vehicles="It is not known where the vehicles are now.",
    snow_heading="Snow clearing",
    as_of="As of {now}, Japan time",
    other_language="日本語",
    lead=(
        "The words in this list are what the city has announced. Where they say that work is under way, this does not "
        "mean that a plough is there now. Please also look at how old each announcement is."
    ),
    search_label="Find your zone",
    search_hint="Type a part of its name.",
    search_button="Find",
    zones_heading="Zones",
    zones_caption="What the city has announced for each snow-clearing zone. {count} zones.",
    found_caption="Zones with “{query}” in their name: {found} of {count}",
    found_none="No zone has “{query}” in its name. Please try again with fewer letters.",
    show_all="Show all zones",
    no_zones="There is no information on zones now.",
    zone="Zone",
    claim="The city says",
    told="When",
    evidence="Observed work",
    no_claim="No announcement",
    no_meaning="The announcement does not say what this word means.",
    planned_on="Planned for ",
    order="Order: ",
    remark="Remark: ",
    stale="Old: announced more than 24 hours ago",
    unknown_age="It is not known when this was announced",
    evidence_note=(
        "“Work cannot be observed here” means that nobody tells where the ploughs are, "
        "so this page cannot say whether the work was done."
    ),
    feeds_heading="Where this comes from",
    feeds_caption="The sources of this city's information, and how old it is.",
    no_feeds="The list of sources has not been received yet.",
    feed="Information",
    state="State",
    freshness="Age",
    contact="Contact",
    source="Source: ",
    licence="Licence: ",
    state_when_last_heard="When last checked: {state}",
    data_age="From {age}",
    no_data="Nothing yet",
    undated="Data that carries no date of its own",
    received_at="Received on {time}",
    telephone="Telephone",
    no_contact="Not given",
    reload_note="This page does not renew itself.",
    reload="Load the newest information",
    hub_lost=(
        "The city's data hub cannot be reached now. What you see below was received {age}. "
        "Later announcements are not shown yet."
    ),
    nothing_yet=(
        "We are sorry: the city's data hub cannot be reached, and nothing has been received yet. "
        "Please load this page again in a while. If it is urgent, please call the city office."
    ),
    unreadable="{count} zones could not be read and are not in this table.",
)

TEXTS: dict[Language, Text] = {"ja": JA, "en": EN}

# Beside the city's own Japanese word, which stays: what it amounts to.
CLAIMS_EN: dict[ClaimCode, str] = {
    ClaimCode.CHECKING: "the site is being checked; work is not ordered",
    ClaimCode.ADJUSTING: "work is ordered; the date is being arranged",
    ClaimCode.SCHEDULED: "work is ordered for a later day",
    ClaimCode.ORDERED: "work is ordered and begins on that day",
    ClaimCode.FINISHED: "the city says that the work is done",
    ClaimCode.UNKNOWN: "the meaning is not known",
}
